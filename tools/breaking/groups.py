"""The groups of attacks, by name."""

from breaking import archives, checkpoints, inputs, kill_groups, records, servers, writes
from breaking.report import Group

GROUPS = {
    group.name: group
    for group in (
        Group("kill-fit", "a training", kill_groups.kill_fit, few=1),
        Group("kill-resume", "a resumed training", kill_groups.kill_resume, few=0),
        Group("kill-cache", "the building of a cache", kill_groups.kill_cache, few=1),
        Group("kill-records", "records, tables and pages", kill_groups.kill_records, few=1),
        Group("kill-transfer", "a training with another's backbone", kill_groups.kill_transfer, few=0),
        Group("kill-plan", "a plan of two stages", kill_groups.kill_plan, few=1),
        Group("kill-matrix", "a matrix of two cells", kill_groups.kill_matrix, few=1),
        Group("write-errors", "full disks and closed folders", writes.write_errors, few=3),
        Group("corrupt-inputs", "images, masks, lists, recipes and predictions", inputs.corrupt_inputs, few=4),
        Group("hostile-archives", "archives", archives.hostile_archives),
        Group("hostile-records", "records and their tables", records.hostile_records),
        Group("hostile-checkpoints", "checkpoints and backbones", checkpoints.hostile_checkpoints),
        Group("hostile-servers", "servers", servers.hostile_servers),
    )
}
