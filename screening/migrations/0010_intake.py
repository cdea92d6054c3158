"""The step in which a file was refused at upload is called "intake"; rows of earlier versions say "door"."""

from django.db import migrations, models


def rename(old, new):
    def update(apps, schema_editor):
        films = apps.get_model("screening", "XRay").objects.using(schema_editor.connection.alias)
        films.filter(step=old).update(step=new)

    return update


class Migration(migrations.Migration):
    dependencies = [("screening", "0009_groups")]

    operations = [
        migrations.RunPython(rename("door", "intake"), rename("intake", "door")),
        migrations.AlterField(
            model_name="xray",
            name="step",
            field=models.CharField(
                blank=True, help_text="where the reason arose: intake, gate, worker, sweep, sender", max_length=10
            ),
        ),
    ]
