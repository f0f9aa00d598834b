"""The groups of attacks, by name."""

from breaking import archives, inputs, kill_groups, servers, writes
from breaking.report import Group

GROUPS = {
    group.name: group
    for group in (
        Group("kill-fit", "a training", kill_groups.kill_fit),
        Group("kill-resume", "a resumed training", kill_groups.kill_resume),
        Group("kill-cache", "the building of a cache", kill_groups.kill_cache),
        Group("kill-records", "records, tables and pages", kill_groups.kill_records),
        Group("write-errors", "full disks and closed folders", writes.write_errors, few=3),
        Group("corrupt-inputs", "images, masks, lists, recipes and predictions", inputs.corrupt_inputs, few=4),
        Group("hostile-archives", "archives", archives.hostile_archives),
        Group("hostile-servers", "servers", servers.hostile_servers),
    )
}
