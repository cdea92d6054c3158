import django.db.models.deletion
from django.db import migrations, models

# The histogram has 20 bins (screening.batches.queries.HISTOGRAM_BINS); another number needs another migration.
CHANGES = """
INSERT INTO screening_filmcount (batch_id, state, decision, review_state, bin, films, last)
SELECT batch_id, state, decision, review_state,
    CASE WHEN score IS NULL THEN -1 ELSE least(floor(score * 20), 19) END AS bin,
    sum(change), max(finished_at) FILTER (WHERE change > 0)
FROM ({rows}) AS changed
GROUP BY batch_id, state, decision, review_state, bin
HAVING sum(change) <> 0;
"""
COLUMNS = "batch_id, state, decision, review_state, score, finished_at"
ADDED = f"SELECT {COLUMNS}, 1 AS change FROM added"
GONE = f"SELECT {COLUMNS}, -1 AS change FROM gone"


def _trigger(event, rows, tables):
    name = f"screening_count_{event.lower()}"
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {CHANGES.format(rows=rows)}
            RETURN NULL;
        END $$;
        CREATE TRIGGER {name} AFTER {event} ON screening_xray REFERENCING {tables}
            FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        """,
        f"DROP TRIGGER {name} ON screening_xray; DROP FUNCTION {name}();",
    )


class Migration(migrations.Migration):

    dependencies = [
        ('screening', '0006_rerun'),
    ]

    operations = [
        migrations.CreateModel(
            name='FilmCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(max_length=10)),
                ('decision', models.CharField(max_length=10)),
                ('review_state', models.CharField(max_length=10)),
                ('bin', models.SmallIntegerField(help_text='of the histogram of scores; -1 without a score')),
                ('films', models.IntegerField()),
                ('last', models.DateTimeField(help_text='the latest end among them', null=True)),
                ('batch', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='film_counts', to='screening.batch')),
            ],
        ),
        migrations.RunSQL(
            CHANGES.format(rows=f"SELECT {COLUMNS}, 1 AS change FROM screening_xray"), migrations.RunSQL.noop
        ),
        _trigger("INSERT", ADDED, "NEW TABLE AS added"),
        _trigger("UPDATE", f"{ADDED} UNION ALL {GONE}", "NEW TABLE AS added OLD TABLE AS gone"),
        _trigger("DELETE", GONE, "OLD TABLE AS gone"),
    ]
