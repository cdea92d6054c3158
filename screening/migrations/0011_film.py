"""The table's class is called Film, as a film is called everywhere else; the table keeps its name.

Django renames the content type with the model, but not the permissions, which carry the model's name in theirs.
Groups and users hold permissions by key, so what they were granted stays granted.
"""

from django.db import migrations


def rename_permissions(old, new):
    def update(apps, schema_editor):
        using = schema_editor.connection.alias
        permissions = apps.get_model("auth", "Permission").objects.using(using)
        for action in ("add", "change", "delete", "view"):
            of_action = permissions.filter(
                content_type__app_label="screening", content_type__model__in=("xray", "film")
            )
            of_action.filter(codename=f"{action}_{old}").update(codename=f"{action}_{new}")

    return update


class Migration(migrations.Migration):
    dependencies = [
        ("screening", "0010_intake"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelOptions(name="xray", options={"ordering": ["created_at", "id"]}),
        migrations.AlterModelTable(name="xray", table="screening_xray"),
        migrations.RenameModel(old_name="XRay", new_name="Film"),
        migrations.RunPython(rename_permissions("xray", "film"), rename_permissions("film", "xray")),
    ]
