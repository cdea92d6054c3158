import django.db.models.expressions
import django.db.models.functions.math
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('screening', '0007_counts'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='xray',
            index=models.Index(models.F('batch'), models.OrderBy(django.db.models.expressions.CombinedExpression(models.Value(0.5), '-', django.db.models.functions.math.Abs(django.db.models.expressions.CombinedExpression(models.F('score'), '-', models.Value(0.5)))), descending=True, nulls_last=True), models.F('id'), name='films_by_uncertainty'),
        ),
    ]
