from polybench.tasks.task import Task as Task  # WIP
