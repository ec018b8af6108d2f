"""Brings new content to a site, with a task for each step of workflow.sh.

A step that gets no response is tried again; one that needs a person fails at once. The log of the task ends with what is
wrong. Put this file into Airflow's folder of DAGs; the steps run on the worker that reaches the registry (a queue, with
the Celery executor).
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.operators.bash import BashOperator

SITES = ["site-a"]
STEPS = ["config", "archive", "registry", "up", "verify", "render"]
# The folder of the program or of the site repository, with examples/workflow/workflow.sh in it as workflow.sh.
FOLDER = "/opt/registry-passthrough/sites"
ENVIRONMENT = {
    "PULUMI_BACKEND_URL": "file:///srv/pulumi-state",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "/etc/registry-passthrough/site.passphrase",
}
TEMPORARY = 75


class PassthroughStep(BashOperator):
    """A step: Airflow's own operator would also try again what only a person can correct."""

    def execute(self, context):
        command = ["bash", "-c", self.bash_command]
        result = self.subprocess_hook.run_command(command, env=self.get_env(context), cwd=self.cwd)
        if result.exit_code == TEMPORARY:
            raise AirflowException(result.output)
        if result.exit_code != 0:
            raise AirflowFailException(f"exit code {result.exit_code}: {result.output}")


for site in SITES:
    with DAG(
        dag_id=f"registry_passthrough_{site}",
        schedule=None,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        # The stack's state is locked while a run changes it.
        max_active_runs=1,
    ) as dag:
        previous = None
        for step in STEPS:
            task = PassthroughStep(
                task_id=step,
                bash_command=f"exec ./workflow.sh {site} {step}",
                cwd=FOLDER,
                env=ENVIRONMENT,
                append_env=True,
                retries=3,
                retry_delay=timedelta(minutes=10),
            )
            if previous is not None:
                previous >> task
            previous = task
    globals()[dag.dag_id] = dag
