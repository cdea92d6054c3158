import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('screening', '0004_door'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='GoldCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('truth', models.CharField(choices=[('positive', 'COVID-19 signs'), ('negative', 'No such signs')], max_length=10)),
                ('note', models.CharField(blank=True, help_text='how the truth is known', max_length=400)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='ReadingClaim',
            fields=[
                ('film', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='claim', serialize=False, to='screening.xray')),
                ('taken_at', models.DateTimeField()),
                ('until', models.DateTimeField(help_text='after this, others may take it')),
                ('shown_at', models.DateTimeField(blank=True, help_text='when the film was first on the screen', null=True)),
                ('seen_open', models.BooleanField(default=False, help_text='with score and decision beside it')),
                ('gold', models.BooleanField(default=False, help_text='taken as a hidden gold case')),
                ('settles', models.BooleanField(default=False, help_text='taken to settle a disagreement, which the page shows')),
            ],
        ),
        migrations.CreateModel(
            name='ReadingSkip',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name='xray',
            name='films_to_review',
        ),
        migrations.AddField(
            model_name='review',
            name='blinded',
            field=models.BooleanField(default=False, help_text='score and decision were hidden until it was given'),
        ),
        migrations.AddField(
            model_name='review',
            name='final',
            field=models.BooleanField(default=False, help_text='settles the film, whatever others said'),
        ),
        migrations.AddField(
            model_name='review',
            name='finding',
            field=models.CharField(blank=True, choices=[('positive', 'COVID-19 signs'), ('negative', 'No such signs')], max_length=10),
        ),
        migrations.AddField(
            model_name='review',
            name='gold',
            field=models.BooleanField(default=False, help_text="of a hidden gold case; the film's state is not its business"),
        ),
        migrations.AddField(
            model_name='review',
            name='seconds',
            field=models.FloatField(blank=True, help_text='from the film on the screen to the verdict', null=True),
        ),
        migrations.AddField(
            model_name='review',
            name='withdraws',
            field=models.OneToOneField(blank=True, help_text='the verdict taken back', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='withdrawal', to='screening.review'),
        ),
        migrations.AlterField(
            model_name='review',
            name='verdict',
            field=models.CharField(choices=[('confirmed', 'Confirm'), ('overturned', 'Overturn'), ('unreadable', 'Unreadable'), ('second_opinion', 'Second opinion'), ('withdrawn', 'Withdrawn')], max_length=16),
        ),
        migrations.AlterField(
            model_name='xray',
            name='review_state',
            field=models.CharField(choices=[('not_needed', 'Not needed'), ('pending', 'Pending'), ('disputed', 'Disputed'), ('confirmed', 'Confirmed'), ('overturned', 'Overturned'), ('unreadable', 'Unreadable')], default='not_needed', max_length=10),
        ),
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(condition=models.Q(('review_state', 'not_needed'), _negated=True), fields=['review_state', 'created_at', 'id'], name='films_to_review'),
        ),
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(condition=models.Q(('review_state', 'pending')), fields=['decision', 'score'], name='films_to_read'),
        ),
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(condition=models.Q(('decision', 'negative'), ('review_state', 'pending')), fields=['id'], name='films_to_audit'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('verdict', 'withdrawn'), ('withdraws__isnull', True), _connector='XOR'), name='withdrawal_names_its_verdict'),
        ),
        migrations.AddField(
            model_name='goldcase',
            name='added_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='goldcase',
            name='film',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='gold_case', to='screening.xray'),
        ),
        migrations.AddField(
            model_name='readingclaim',
            name='reader',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='claims', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='readingskip',
            name='film',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='skips', to='screening.xray'),
        ),
        migrations.AddField(
            model_name='readingskip',
            name='reader',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='skips', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='readingskip',
            constraint=models.UniqueConstraint(fields=('film', 'reader'), name='one_skip_a_reader'),
        ),
        # Until now the newest verdict settled a film. What it says of the film follows from the decision.
        migrations.RunSQL("UPDATE screening_review SET final = true", migrations.RunSQL.noop),
        migrations.RunSQL(
            """
            UPDATE screening_review
            SET finding = CASE WHEN (decision = 'negative') = (verdict = 'overturned') THEN 'positive' ELSE 'negative' END
            WHERE decision IN ('positive', 'negative')
            """,
            migrations.RunSQL.noop,
        ),
    ]
