import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('screening', '0005_reading'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='rerun_of',
            field=models.ForeignKey(blank=True, help_text='its films, by another model', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reruns', to='screening.batch'),
        ),
        migrations.AddField(
            model_name='xray',
            name='source',
            field=models.ForeignKey(blank=True, db_index=False, help_text='the film whose stored bytes this one shares, as films of a re-run do', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='screening.xray'),
        ),
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(condition=models.Q(('source__isnull', False)), fields=['source'], name='films_by_source'),
        ),
    ]
