import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('screening', '0003_fewer_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Quota',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='quota', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('used_bytes', models.PositiveBigIntegerField(default=0, help_text='in the storage')),
                ('used_files', models.PositiveBigIntegerField(default=0, help_text='rows, refused ones among them')),
                ('most_bytes', models.PositiveBigIntegerField(blank=True, null=True)),
                ('most_files', models.PositiveBigIntegerField(blank=True, null=True)),
                ('most_open_batches', models.PositiveIntegerField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name='xray',
            name='archive',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='members', to='screening.xray'),
        ),
        migrations.AddField(
            model_name='xray',
            name='as_sent',
            field=models.BooleanField(default=False, help_text='the bytes as they were sent are there as well'),
        ),
        migrations.AddField(
            model_name='xray',
            name='kept_bytes',
            field=models.PositiveBigIntegerField(default=0, help_text='of the cleaned file in the storage'),
        ),
        migrations.AddField(
            model_name='xray',
            name='patient',
            field=models.CharField(blank=True, help_text='pseudonym; the same for all films of a patient', max_length=32),
        ),
        migrations.AddField(
            model_name='xray',
            name='receipt',
            field=models.JSONField(blank=True, default=list, help_text='names of what was removed at the door'),
        ),
        migrations.AddField(
            model_name='xray',
            name='study',
            field=models.CharField(blank=True, help_text="pseudonym of the study's UID", max_length=64),
        ),
        migrations.AlterField(
            model_name='xray',
            name='bytes',
            field=models.PositiveBigIntegerField(help_text='as they were sent, as is their sha256'),
        ),
        migrations.AlterField(
            model_name='xray',
            name='state',
            field=models.CharField(choices=[('rejected', 'Rejected'), ('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('unpacked', 'Unpacked')], max_length=10),
        ),
        migrations.AlterField(
            model_name='xray',
            name='stored',
            field=models.BooleanField(default=False, help_text='the cleaned bytes are in the storage'),
        ),
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(condition=models.Q(('archive__isnull', False)), fields=['archive'], name='films_of_archive'),
        ),
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(condition=models.Q(('patient', ''), _negated=True), fields=['batch', 'patient'], name='films_of_patient'),
        ),
        migrations.RunSQL("UPDATE screening_xray SET kept_bytes = bytes WHERE stored", migrations.RunSQL.noop),
        migrations.RunSQL(
            """
            INSERT INTO screening_quota (user_id, used_bytes, used_files)
            SELECT batch.owner_id, coalesce(sum(film.bytes) FILTER (WHERE film.stored), 0), count(*)
            FROM screening_xray AS film JOIN screening_batch AS batch ON batch.id = film.batch_id
            GROUP BY batch.owner_id
            """,
            migrations.RunSQL.noop,
        ),
    ]
