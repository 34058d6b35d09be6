from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recovery", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="sweepstate", name="late_in_a_row", field=models.PositiveIntegerField(default=0)
        ),
    ]
