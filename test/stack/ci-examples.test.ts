import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { leaks } from "../support/canary";
import { type TestAuthority, testAuthority } from "../support/certificates";
import { type PipelineJob, readPipeline, readWorkflow, stepEnvironment, stepScript } from "../support/ci-jobs";
import { CommentApi } from "../support/comment-api";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT, FIXTURES } from "../support/site";
import { SiteRepository, packProgram } from "../support/site-repository";
import { PROJECT } from "../support/stack";

jest.setTimeout(300_000);

const FIRST = { archive: join(FIXTURES, "with-mapping"), lock: "content/first.lock.json" };
const SECOND = { archive: join(FIXTURES, "operators"), lock: "content/second.lock.json" };
const GIT = "git -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false";

let authority: TestAuthority;
let registry: RegistryProcess;
let sites: SiteRepository;

/** A repository with two sites on main, and a branch that adds a set to one of them and a third site. */
beforeAll(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
    sites = new SiteRepository();
    sites.install(packProgram(sites.root));
    for (const stack of ["site-a", "site-b"]) {
        writeFileSync(join(sites.folder, `certs/${stack}-ca.pem`), authority.ca);
        sites.configure(stack, { mirrorBase: `${registry.host}/${stack}` }, [FIRST]);
    }
    mkdirSync(join(sites.folder, "ci"));
    copyFileSync(join(PROJECT, "examples/ci/update-comments.mjs"), join(sites.folder, "ci/update-comments.mjs"));
    await sites.must("npx passthrough lock --stack site-a");
    await sites.must(`git init -q -b main && git add -A && ${GIT} commit -qm main && git switch -qc change`);
    sites.configure("site-a", {}, [FIRST, SECOND]);
    copyFileSync(join(sites.folder, "Pulumi.site-b.yaml"), join(sites.folder, "Pulumi.site-c.yaml"));
    await sites.must("npx passthrough lock --stack site-a");
    await sites.must(`git add -A && ${GIT} commit -qm change`);
    await sites.must(`git switch -q --detach main && ${GIT} merge -q --no-ff change -m merge`);
});

afterAll(async () => {
    sites.remove();
    await registry.stop();
});

/** Every job has a checkout of its own. */
async function cleanCheckout(): Promise<void> {
    await sites.must("git worktree prune; git worktree remove --force base 2>/dev/null || true");
    rmSync(join(sites.folder, "plan"), { recursive: true, force: true });
}

describe.each(["github", "gitlab"] as const)("on %s, a pull request", (platform) => {
    const { plan: planJob, comment: commentJob } = readWorkflow("pull-request").jobs;
    const pipeline = readPipeline() as Record<string, PipelineJob>;
    let api: CommentApi;

    beforeAll(async () => {
        api = await CommentApi.start(platform);
        await cleanCheckout();
    });
    afterAll(() => api.stop());

    /** The job's scripts, without the installation of the packages. */
    async function plan(stack: string) {
        await sites.must("git worktree remove --force base 2>/dev/null || true");
        if (platform === "github") {
            const env = stepEnvironment(planJob, "Plan", { "matrix.stack": stack });
            expect(stepScript(planJob, "Install the program")).toBe("npm ci");
            const summary = join(sites.root, "summary.md");
            return sites.bash(stepScript(planJob, "Plan"), { ...env, GITHUB_STEP_SUMMARY: summary });
        }
        const [install, ...script] = pipeline.plan?.script ?? [];
        expect(install).toBe("npm ci");
        const base = (await sites.must("git rev-parse main")).trim();
        return sites.bash(script.join("\n"), { STACK: stack, CI_MERGE_REQUEST_DIFF_BASE_SHA: base });
    }

    async function comment(token = api.token) {
        const values = { "github.token": token, "github.event.pull_request.number": "12" };
        const [script, env] =
            platform === "github"
                ? [
                      stepScript(commentJob, "Update the comments"),
                      stepEnvironment(commentJob, "Update the comments", values),
                  ]
                : [(pipeline.comment?.script ?? []).join("\n"), { PASSTHROUGH_COMMENT_TOKEN: token }];
        return sites.bash(script, { ...api.environment(), ...env });
    }

    const ownComment = (stack: string) =>
        api.comments.find(
            ({ isOwn, body }) => isOwn && body.startsWith(`<!-- registry-passthrough plan: ${stack} -->`),
        );

    test("is planned for each site against the branch that it goes into, without registry and state", async () => {
        registry.forget();
        for (const stack of ["site-a", "site-b", "site-c"]) expect(await plan(stack)).toMatchObject({ code: 0 });
        const read = (name: string) => readFileSync(join(sites.folder, "plan", name), "utf8");
        expect(read("site-a.md")).toMatch(/`site-a`: [1-9]\d* to add, 0 to change, 0 to remove/);
        expect(read("site-a.md")).not.toContain("quay.io/multi/tool");
        expect(read("site-c.md")).toMatch(/: 6 to add[\s\S]*no base\/Pulumi\.site-c\.yaml/);
        const unchanged = readdirSync(join(sites.folder, "plan")).filter((name) => name.endsWith(".unchanged"));
        expect(unchanged).toEqual(["site-b.unchanged"]);
        expect(registry.accesses()).toEqual([]);
    });

    test("gets one comment for each site that changes", async () => {
        // More than a page of comments, and one of a person that looks like the job's own.
        for (let count = 0; count < 130; count++) api.add("discussion", false);
        const foreign = api.add("<!-- registry-passthrough plan: site-a -->\nmine", false);
        const run = await comment();
        expect(run).toMatchObject({ code: 0 });
        expect(api.writes).toEqual(["create", "create"]);
        expect(ownComment("site-a")?.body).toContain("to add");
        expect(ownComment("site-b")).toBeUndefined();
        expect(foreign.body).toBe("<!-- registry-passthrough plan: site-a -->\nmine");
        expect(leaks([{ username: "nobody", password: api.token }], { printed: run.out + run.error })).toEqual([]);
    });

    test("keeps them: the same plan writes nothing, another one updates in place", async () => {
        api.writes.length = 0;
        expect(await comment()).toMatchObject({ code: 0 });
        expect(api.writes).toEqual([]);
        const { id } = ownComment("site-a") ?? {};
        writeFileSync(join(sites.folder, "plan/site-a.md"), "### nothing any more\n");
        writeFileSync(join(sites.folder, "plan/site-a.unchanged"), "");
        expect(await comment()).toMatchObject({ code: 0 });
        expect(api.writes).toEqual([`update ${id}`]);
        expect(ownComment("site-a")?.body).toContain("nothing any more");
    });

    test("whose plan fails has a red job and a comment that says so", async () => {
        const lock = join(sites.folder, SECOND.lock);
        const text = readFileSync(lock, "utf8");
        writeFileSync(lock, "{");
        expect((await plan("site-a")).code).toBe(1);
        writeFileSync(lock, text);
        expect(readFileSync(join(sites.folder, "plan/site-a.md"), "utf8")).toContain("the plan failed");
    });

    test("with a token that the platform rejects fails, without the token in the log", async () => {
        const run = await comment("canary-wrong-token-22");
        expect(run.code).toBe(1);
        expect(run.error).toContain("HTTP 401");
        expect(run.out + run.error).not.toContain("canary-wrong-token-22");
    });
});

test("GitHub's matrix has every site of the repository", async () => {
    const output = join(sites.root, "output");
    const script = stepScript(readWorkflow("pull-request").jobs.sites, "List the sites");
    await sites.must(script, { GITHUB_OUTPUT: output });
    expect(readFileSync(output, "utf8")).toBe('stacks=["site-a","site-b","site-c"]\n');
});

describe("the nightly job", () => {
    const { check } = readWorkflow("nightly").jobs;
    const [install, gitlabScript = ""] = (readPipeline().check as PipelineJob).script;

    /** With another passphrase in the platform's secret store. */
    const nightly = (passphrase = "the passphrase of a test") => {
        const values = {
            "matrix.stack": "site-a",
            "vars.PULUMI_BACKEND_URL": sites.env.PULUMI_BACKEND_URL ?? "",
            "secrets.PULUMI_CONFIG_PASSPHRASE": passphrase,
        };
        const summary = join(sites.root, "summary.md");
        rmSync(summary, { force: true });
        return sites.bash(stepScript(check, "Check"), {
            ...stepEnvironment(check, "Check", values),
            GITHUB_STEP_SUMMARY: summary,
        });
    };
    const summary = () => readFileSync(join(sites.root, "summary.md"), "utf8");

    beforeAll(async () => {
        await sites.must("git switch -q --detach main");
        await sites.must("pulumi stack init site-a && pulumi config set registryUsername pusher --stack site-a");
        await sites.must('printf %s "$SECRET" | pulumi config set --secret registryPassword --stack site-a', {
            SECRET: ACCOUNT.password,
        });
        await sites.must("npm run -s up -- --yes --non-interactive --stack site-a");
    });

    test("is green if nothing differs, and the check writes its metrics", async () => {
        expect(install).toBe("npm ci");
        expect(await nightly()).toMatchObject({ code: 0 });
        expect(summary()).toBe("**site-a**: nothing differs (exit code 0)\n");
        const file = join(sites.root, "site-a.prom");
        await sites.must(`npx passthrough check --stack site-a --metrics '${file}'`);
        expect(readFileSync(file, "utf8")).toContain('registry_passthrough_check_exit_code{stack="site-a"} 0\n');
    });

    test("ends with 7 for an image that is gone, and names it", async () => {
        const client = new RegistryClient({
            endpoint: { host: registry.host, ca: authority.ca },
            credentials: ACCOUNT,
        });
        await client.manifestDelete("site-a/quay.io/multi/tool", "2.0");
        await client.close();
        const run = await nightly();
        expect(run.code).toBe(7);
        expect(run.out).toContain("quay.io/multi/tool:2.0");
        expect(summary()).toContain("drift: run `npm run up -- --stack site-a`");
        const gitlab = await sites.bash(gitlabScript, { STACK: "site-a" });
        expect(gitlab.code).toBe(7);
        const file = join(sites.root, "site-a.prom");
        const json = await sites.bash(`npx passthrough check --stack site-a --json --metrics '${file}'`);
        expect(JSON.parse(json.out)).toMatchObject({ stack: "site-a", exitCode: 7, result: "drift" });
        expect(readFileSync(file, "utf8")).toContain('registry_passthrough_check_exit_code{stack="site-a"} 7\n');
        expect(readdirSync(sites.root).filter((name) => name.endsWith(".new"))).toEqual([]);
    });

    test("ends with 1, unknown, with a wrong passphrase", async () => {
        const run = await nightly("canary-wrong-passphrase");
        expect(run.code).toBe(1);
        expect(summary()).toContain("unknown: the check failed");
        expect(run.out + run.error + summary()).not.toContain("canary-wrong-passphrase");
    });

    test("does not start if its metrics cannot be written", async () => {
        registry.forget();
        const run = await sites.bash("npx passthrough check --stack site-a --metrics no/such/folder/a.prom");
        expect(run.code).toBe(78);
        expect(run.error).toContain("METRICS_UNWRITABLE");
        expect(registry.accesses()).toEqual([]);
        expect(existsSync(join(sites.folder, "no"))).toBe(false);
    });
});
