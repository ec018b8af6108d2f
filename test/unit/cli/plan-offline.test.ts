import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatImages } from "../../../lib/import";
import { PROJECT } from "../../support/stack";

const LOCK = join(PROJECT, "test/fixtures/locks/with-mapping.lock.json");
const MAIN = join(PROJECT, "dist/cli/main.js");
const APP0 = "sha256:74309920a91f4ec3dbc9584582336c3e81b22ac945d0153aa2897051a7894cc3";
let folder: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cli plan "));
    configure({});
    mkdirSync(join(folder, "bin"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function configure(more: object, flat: object = {}): void {
    const site = {
        registry: { type: "distribution", mirrorBase: "registry.example:8443/mirror" },
        content: [{ archive: "/nowhere", lock: LOCK }],
        ...more,
    };
    const config = { "registry-passthrough:site": site, ...flat };
    writeFileSync(join(folder, "Pulumi.yaml"), "name: registry-passthrough\nruntime: nodejs\n");
    writeFileSync(join(folder, "Pulumi.s.yaml"), JSON.stringify({ config }));
}

/** Runs with a PATH of its own: what is not put there is not on this machine. */
function plan(...args: string[]) {
    const run = spawnSync(process.execPath, [MAIN, "plan", "--offline", "--stack", "s", ...args], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: join(folder, "bin") },
    });
    return { code: run.status, out: run.stdout, error: run.stderr };
}

function pulumiThat(script: string): void {
    writeFileSync(join(folder, "bin", "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function write(name: string, document: unknown): string {
    writeFileSync(join(folder, name), `${JSON.stringify(document)}\n`);
    return name;
}

test("without Pulumi, network, archive or cluster there is a plan: nothing counts as imported, and that is said", () => {
    const run = plan();
    expect(run).toMatchObject({ code: 0 });
    expect(run.out).toContain("with-mapping: 6 images to add, at most 87.7 kB");
    expect(run.out).toContain(`+ quay.io/team0/app0:v1 ${APP0}`);
    expect(run.out).toContain("0 images unchanged, compared with nothing");
    expect(run.error).toMatch(/compared with nothing, since the state could not be read: .*there is no pulumi on PATH/);
});

const IMPORTED = { "quay.io/team0/app0:v1": APP0, "quay.io/old/gone:1": APP0 };

test.each([
    ["as it is written", formatImages(IMPORTED)],
    ["as the first release wrote it", IMPORTED],
])("the stack's state, %s, is what was imported, if the Pulumi CLI can read it", (_, images) => {
    const outputs = { images };
    const type = "pulumi-nodejs:dynamic/registry-passthrough:ImageImport";
    const resources = [
        { type: "pulumi:pulumi:Stack", outputs: {} },
        { type: "registry-passthrough:registry:RobotAccess" },
        { type, outputs },
        { type, delete: true, outputs: { images: { "quay.io/never/mind:1": APP0 } } },
    ];
    write("state.json", { version: 3, deployment: { resources } });
    pulumiThat(
        `test "$1 $2" = "stack export" && while read -r line; do printf '%s\\n' "$line"; done < "${join(folder, "state.json")}"`,
    );
    const run = plan("--json");
    expect(run).toMatchObject({ code: 0, error: "" });
    const document = JSON.parse(run.out) as {
        sets: { coming: { image: string }[]; unchanged: number }[];
        going: unknown;
    };
    expect(document).toMatchObject({ stack: "s", against: "the state of stack s", sets: [{ unchanged: 1 }] });
    expect(document.sets[0]?.coming.map(({ image }) => image)).not.toContain("quay.io/team0/app0:v1");
    expect(document.going).toEqual([{ image: "quay.io/old/gone:1", digest: APP0 }]);
});

test("a lock, outputs or a state say what was imported; a lock's own images change nothing", () => {
    const outputs = { images: { "quay.io/team0/app0:v1": { mirror: "m", digest: `sha256:${"0".repeat(64)}` } } };
    expect(plan("--against", LOCK, "--exit-code")).toMatchObject({ code: 0 });
    const changed = plan("--against", LOCK, "--against", write("outputs.json", outputs), "--exit-code");
    expect(changed).toMatchObject({ code: 3 });
    expect(changed.out).toContain("with-mapping: 1 image to change, at most");
    expect(changed.out).toContain(`~ quay.io/team0/app0:v1 sha256:000000`);
    expect(plan("--against", "none", "--exit-code")).toMatchObject({ code: 3, error: "" });
    expect(plan("--against", "none")).toMatchObject({ code: 0 });
});

test("a folder is another revision: the lock files count that its stack file lists", () => {
    const base = join(folder, "base");
    mkdirSync(base);
    const lock = JSON.parse(readFileSync(LOCK, "utf8")) as { images: Record<string, string> };
    delete lock.images["quay.io/team0/app0:v1"];
    writeFileSync(join(base, "old.lock.json"), JSON.stringify(lock));
    // Defaults of the project there, as `up` would merge them.
    const defaults = { value: { content: [{ archive: "/nowhere", lock: "old.lock.json" }] } };
    writeFileSync(
        join(base, "Pulumi.yaml"),
        JSON.stringify({ name: "x", config: { "registry-passthrough:defaults": defaults } }),
    );
    const registry = { type: "distribution", mirrorBase: "registry.example:8443/mirror" };
    writeFileSync(
        join(base, "Pulumi.s.yaml"),
        JSON.stringify({ config: { "registry-passthrough:site": { registry } } }),
    );
    const run = plan("--against", "base");
    expect(run).toMatchObject({ code: 0, error: "" });
    expect(run.out).toContain("+ quay.io/team0/app0:v1");
    expect(run.out).toContain("5 images unchanged, compared with base");
});

test("a stack that another revision does not have is new, and a note says so", () => {
    mkdirSync(join(folder, "base"));
    writeFileSync(join(folder, "base/Pulumi.yaml"), "name: x\n");
    const run = plan("--against", "base");
    expect(run.out).toContain("with-mapping: 6 images to add");
    expect(run.error).toBe("note: every image counts as new: there is no base/Pulumi.s.yaml\n");
});

test("a checkout compared with itself changes nothing, also where a later set moves a tag", () => {
    const moved = JSON.parse(readFileSync(LOCK, "utf8")) as { images: Record<string, string> };
    const later = { ...moved, images: { "quay.io/team0/app0:v1": moved.images["quay.io/multi/tool:2.0"] } };
    write("with-mapping.lock.json", moved);
    write("later.lock.json", later);
    const content = ["with-mapping", "later"].map((name) => ({ archive: "/nowhere", lock: `${name}.lock.json` }));
    configure({ content });
    for (const name of ["Pulumi.yaml", "Pulumi.s.yaml", "with-mapping.lock.json", "later.lock.json"])
        cpSync(join(folder, name), join(folder, "base", name));
    expect(plan("--against", "base", "--exit-code")).toMatchObject({ code: 0 });
    renameSync(join(folder, "base/Pulumi.s.yaml"), join(folder, "base/other.yaml"));
    renameSync(join(folder, "Pulumi.s.yaml"), join(folder, "other.yaml"));
    expect(plan("--config-file", "other.yaml", "--against", "base", "--exit-code")).toMatchObject({ code: 0 });
});

test("a lock file that is missing in another revision is an error, not an empty plan", () => {
    mkdirSync(join(folder, "base"));
    const content = [{ archive: "/nowhere", lock: "gone.lock.json" }];
    writeFileSync(
        join(folder, "base/Pulumi.s.yaml"),
        JSON.stringify({ config: { "registry-passthrough:site": { content } } }),
    );
    const run = plan("--against", "base");
    expect(run).toMatchObject({ code: 1, out: "" });
    expect(run.error).toContain("BASELINE_INVALID");
    expect(run.error).toContain("gone.lock.json");
});

test("as Markdown it is one comment", () => {
    const run = plan("--against", "none", "--markdown");
    expect(run).toMatchObject({ code: 0, error: "" });
    expect(run.out).toMatch(/^### Images of `s`: 6 to add, 0 to change, 0 to remove; at most 87\.7 kB\n/);
    expect(run.out).toContain(`| \`quay.io/team0/app0:v1\` | \`${APP0.slice(0, 19)}\` |`);
});

test("what cannot say what was imported is refused by name, with the cure", () => {
    for (const [file, text] of [
        ["absent.json", undefined],
        ["broken.json", "{"],
        ["nested.json", "[".repeat(65)],
        ["other.json", '{"images": 3}'],
    ] as const) {
        if (text !== undefined) writeFileSync(join(folder, file), text);
        const run = plan("--against", file);
        expect(run).toMatchObject({ code: 1, out: "" });
        expect(run.error).toContain(`passthrough: BASELINE_INVALID in ${file}: `);
        expect(run.error).toContain("pulumi stack output --json");
    }
});

test("every mistake in the configuration is told at once, by key, as up tells it", () => {
    configure(
        { upstreams: ["quay.io"], cluster: { version: "four" }, registry: { type: "distribution", mirrorBase: "x//" } },
        { "registry-passthrough:registryUsrname": "typo" },
    );
    const run = plan("--against", "none");
    expect(run.code).toBe(78);
    expect(run.error).toContain("problems in the configuration of this stack");
    for (const key of ["site.upstreams", "site.cluster.version", "site.registry.mirrorBase", "registryUsrname"]) {
        expect(run.error).toContain(`  ${key}: `);
    }
});

test("options that contradict each other or mean nothing are wrong usage", () => {
    for (const args of [
        ["--markdown", "--json"],
        ["--authfile", "a.json"],
        ["--against", "none", "--against", "a.json"],
        ["--offlime"],
        ["word"],
    ]) {
        const run = plan(...args);
        expect({ args, code: run.code, out: run.out }).toEqual({ args, code: 2, out: "" });
    }
    const online = spawnSync(process.execPath, [MAIN, "plan", "--markdown"], { cwd: folder, encoding: "utf8" });
    expect(online).toMatchObject({ status: 2 });
    expect(online.stderr).toContain("option '--markdown' needs option '--offline'");
    expect(readFileSync(join(folder, "Pulumi.s.yaml"), "utf8")).toContain("mirrorBase");
});

function render(out: string) {
    return spawnSync(process.execPath, [MAIN, "render", "--offline", "--stack", "s", "--out", out], {
        cwd: folder,
        encoding: "utf8",
        env: { PATH: join(folder, "bin") },
    });
}

test("a folder of render is what clusters have: mirror rules are compared with it", () => {
    expect(render("old")).toMatchObject({ status: 0 });
    const against = ["--against", LOCK, "--against", "old"];
    expect(plan(...against, "--exit-code")).toMatchObject({ code: 0 });
    configure({ cluster: { contactSource: "never" } });
    const changed = plan(...against, "--exit-code");
    expect(changed.code).toBe(3);
    expect(changed.out).toContain("mirror rules: 3 sources to change; nodes drain and reload CRI-O");
    expect(changed.out).toContain("~ ImageDigestMirrorSet passthrough-digest");
    const { cluster } = JSON.parse(plan(...against, "--json").out) as { cluster: object };
    expect(cluster).toMatchObject({ effect: { drain: true, crio: "reload" } });
    expect(plan("--against", LOCK).out).toContain("mirror rules are not compared");
    expect(plan("--against", "old").error).toContain("every image counts as new: give --against the lock files too");
    rmSync(join(folder, "old", "registries.conf"));
    expect(plan(...against).error).toContain("BASELINE_INVALID in old");
});

test("several clusters have a folder each, and are compared each with its own rules", () => {
    configure({ clusters: { old: { version: "4.12.60" }, new: { version: "4.18.20" } } });
    const rendered = render("out");
    expect(rendered).toMatchObject({ status: 0 });
    expect(rendered.stderr).toContain("note: old: OpenShift 4.12.60 redirects pulls by digest only");
    expect(rendered.stderr).not.toContain("note: new: OpenShift 4.12.60");
    const rules = (name: string) => readFileSync(join(folder, "out", name, "mirror-rules.yaml"), "utf8");
    expect(rules("old")).toContain("ImageContentSourcePolicy");
    expect(rules("new")).toContain("ImageDigestMirrorSet");
    const against = ["--against", LOCK, "--against", "out"];
    expect(plan(...against, "--exit-code")).toMatchObject({ code: 0 });
    configure({
        clusters: { old: { version: "4.12.60" }, new: { version: "4.18.20", contactSource: "never" }, third: {} },
    });
    const changed = plan(...against, "--exit-code");
    expect(changed.code).toBe(3);
    expect(changed.out).toContain("new: mirror rules: 3 sources to change; nodes drain and reload CRI-O");
    expect(changed.out).toContain("third: mirror rules: 3 sources to add");
    expect(changed.out).not.toContain("old: mirror rules:");
    const { clusters } = JSON.parse(plan(...against, "--json").out) as {
        clusters: Record<string, { sources: object[] }>;
    };
    expect(Object.entries(clusters).map(([name, { sources }]) => [name, sources.length])).toEqual([
        ["old", 0],
        ["new", 3],
        ["third", 3],
    ]);
    expect(plan(...against, "--markdown").out).toContain(
        "**Clusters:** old: no change for clusters; new: mirror rules:",
    );
});
