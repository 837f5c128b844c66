"""Runs the commands of a written pipeline as GitHub, GitLab and Azure would: in order, by bash, with what each gives a command to know."""

import os
import re
import subprocess

from forge import TOKEN
from ruamel.yaml import YAML


class Stopped(AssertionError):
    """A command ended with another code than 0."""


def bash(script, folder, variables, *options):
    """Runs a script to its end; what it says is returned."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POLDER_")}
    command = ["bash", "--noprofile", "--norc", *options, "-c", script]
    done = subprocess.run(command, cwd=folder, env={**clean, **variables}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Stopped(f"{script.strip().splitlines()[-1]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def read(path):
    with open(path) as file:
        return YAML(typ="safe").load(file)


class Run:
    """A pipeline of a mesh, with the tokens that its settings have and what polder is fetched from. A command that fails is an exception."""

    def __init__(self, mesh, scratch, forge, tokens, binary):
        self.mesh, self.scratch, self.forge, self.tokens, self.binary = mesh, scratch, forge, tokens, binary
        self.jobs = 0

    def temporary(self):
        self.jobs += 1
        path = os.path.join(self.scratch, f"job-{self.jobs}")
        os.makedirs(path)
        return path

    def there(self):
        """Where polder is, and the hash of what is there."""
        return {"POLDER_URL": self.binary[0], "POLDER_SHA256": self.binary[1]}


class GitHub(Run):
    file = ".github/workflows/polder.yml"
    # As the hooks of check-jsonschema for each system call it.
    schema = ("--builtin-schema", "vendor.github-workflows")
    wrong = ("runs-on: ubuntu-latest", "runs: ubuntu-latest")
    HERE = "github.event.pull_request.head.repo.full_name == github.repository"

    def merge_request(self):
        self.job("plan", "github.event_name == 'pull_request'", None)

    def deploy(self, environment):
        self.job(f"deploy_{environment}", "github.event_name == 'push'", environment)

    def job(self, name, condition, environment):
        pipeline = read(os.path.join(self.mesh, self.file))
        job = pipeline["jobs"][name]
        assert job["if"] == condition and job.get("environment") == environment, job
        temporary = self.temporary()
        path = os.path.join(temporary, "path")
        open(path, "w").close()
        given = {
            "github.token": TOKEN,
            "github.event.pull_request.number": "7",
            "secrets.POLDER_TOKEN": self.tokens["deploy"].get(environment, ""),
            **{f"secrets.POLDER_PLAN_TOKEN_{name.upper()}": token for name, token in self.tokens["plan"].items()},
        }
        resolve = lambda text: re.sub(r"\$\{\{ (.*?) \}\}", lambda found: given[found[1]], str(text))
        for step in job["steps"]:
            if "run" not in step:
                assert step["uses"].startswith("actions/checkout@"), step
                continue
            assert "${{" not in step["run"] and step.get("if") in (None, self.HERE), step
            own = {**pipeline["env"], **self.there(), **job.get("env", {}), **step.get("env", {})}
            variables = {name: resolve(value) for name, value in own.items()}
            with open(path) as file:
                variables["PATH"] = os.pathsep.join([*file.read().split(), os.environ["PATH"]])
            variables |= {"RUNNER_TEMP": temporary, "GITHUB_PATH": path, "GITHUB_REPOSITORY": "contoso/mesh"}
            bash(step["run"], self.mesh, variables | {"GITHUB_API_URL": self.forge.url}, "-e", "-o", "pipefail")


class GitLab(Run):
    file = ".gitlab/polder.yml"
    schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", "--regex-variant", "nonunicode")
    wrong = ("resource_group: ", "resource_groups: ")

    def merge_request(self):
        plans = {f"POLDER_PLAN_TOKEN_{name.upper()}": token for name, token in self.tokens["plan"].items()}
        about = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7", "CI_API_V4_URL": self.forge.url}
        self.job("polder-plan", {"POLDER_COMMENT_TOKEN": TOKEN, **plans, **about})

    def deploy(self, environment):
        job = self.job(f"polder-deploy-{environment}", {"POLDER_TOKEN": self.tokens["deploy"][environment]})
        assert job["environment"] == {"name": environment}, job
        assert ("manual" in str(job["rules"])) == (environment == "prod"), job

    def job(self, name, given):
        included = read(os.path.join(self.mesh, ".gitlab-ci.yml"))
        assert included == {"include": [{"local": self.file}]}, included
        pipeline = read(os.path.join(self.mesh, self.file))
        job = pipeline[name]
        base = pipeline[job["extends"]]
        variables = {**base["variables"], **self.there(), **given, "CI_PROJECT_ID": "3", "HOME": self.temporary()}
        script = "\n".join([*base["before_script"], *job["script"]])
        bash(script, self.mesh, variables, "-e", "-o", "pipefail")
        return job


class Azure(Run):
    file = ".azure/polder.yml"
    schema = ("--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode")
    wrong = ("- deployment: deploy", "- deploy: deploy")

    def merge_request(self):
        plans = {f"POLDER_PLAN_TOKEN_{name.upper()}": token for name, token in self.tokens["plan"].items()}
        self.steps(self.stage("plan")["jobs"][0]["steps"], {"System.AccessToken": TOKEN, **plans})

    def deploy(self, environment):
        job = self.stage(f"deploy_{environment}")["jobs"][0]
        assert job["environment"] == environment and job["variables"] == [{"group": f"polder-{environment}"}], job
        self.steps(job["strategy"]["runOnce"]["deploy"]["steps"], {"POLDER_DEPLOY_TOKEN": self.tokens["deploy"][environment]})

    def stage(self, name):
        self.pipeline = read(os.path.join(self.mesh, self.file))
        return next(stage for stage in self.pipeline["stages"] if stage["stage"] == name)

    def steps(self, steps, given):
        temporary, path = self.temporary(), os.environ["PATH"]
        everywhere = {each["name"]: str(each["value"]) for each in self.pipeline["variables"]}
        resolve = lambda text: re.sub(r"\$\(([\w.]+)\)", lambda found: given[found[1]], str(text))
        for step in steps:
            if "bash" not in step:
                assert step == {"checkout": "self"}, step
                continue
            own = {name: resolve(value) for name, value in step.get("env", {}).items()}
            about = {
                "AGENT_TEMPDIRECTORY": temporary,
                "BUILD_REPOSITORY_ID": "4",
                "SYSTEM_COLLECTIONURI": self.forge.url + "/contoso/",
                "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
                "SYSTEM_TEAMPROJECTID": "3",
            }
            said = bash(step["bash"], self.mesh, {**everywhere, **self.there(), **own, **about, "PATH": path})
            for line in said.splitlines():
                if line.startswith("##vso[task.prependpath]"):
                    path = os.pathsep.join([line.partition("]")[2], path])
