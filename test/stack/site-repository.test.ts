import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { leaks } from "../support/canary";
import { testAuthority } from "../support/certificates";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";
import { SiteRepository, packProgram } from "../support/site-repository";
import { PROJECT } from "../support/stack";

jest.setTimeout(300_000);

const STACK = "--stack site-a";
const QUIET = "--non-interactive";

let registry: RegistryProcess;
let sites: SiteRepository;
let tarball: string;

beforeAll(async () => {
    const authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
    sites = new SiteRepository();
    tarball = packProgram(sites.root);
    sites.install(tarball);
    writeFileSync(join(sites.folder, "certs/site-a-ca.pem"), authority.ca);
    const content = [{ archive: join(FIXTURES, "with-mapping"), lock: "content/2026-11.lock.json" }];
    sites.configure("site-a", { mirrorBase: `${registry.host}/mirror` }, content);
});

afterAll(async () => {
    sites.remove();
    await registry.stop();
});

test("the package has the program, its command and the documentation, and nothing else", async () => {
    const installed = join(sites.folder, "node_modules/registry-passthrough");
    const own = ["LICENSE", "README.md", "config", "dist", "docs", "examples", "package.json", "tools"];
    expect(readdirSync(installed).sort()).toEqual(own);
    // npm packs the main file always: the one of a checkout, which a site repository does not use.
    expect(readdirSync(join(installed, "tools"), { recursive: true })).toEqual(["engine", "engine/program.cjs"]);
    expect(readdirSync(join(installed, "config"))).toEqual(["stack-file.schema.json"]);
    expect(readdirSync(join(installed, "dist")).filter((name) => name.startsWith("."))).toEqual([]);
    expect(await sites.must("npx passthrough --help")).toContain("Imports container images into a registry");
});

test("the example is the same Pulumi project as a checkout, and depends on the version of this package", () => {
    const read = (name: string) => parse(readFileSync(join(PROJECT, name), "utf8")) as Record<string, unknown>;
    const { name, runtime } = read("examples/site-repository/Pulumi.yaml");
    expect(read("Pulumi.yaml")).toMatchObject({ name, runtime });
    const { dependencies } = read("examples/site-repository/package.json");
    const { version } = read("package.json") as { version: string };
    expect(dependencies).toEqual({ "registry-passthrough": `file:vendor/registry-passthrough-${version}.tgz` });
});

test("the command line reads the repository's stack files, and the sites' defaults", async () => {
    await sites.must(`npx passthrough lock ${STACK}`);
    const lock = JSON.parse(readFileSync(join(sites.folder, "content/2026-11.lock.json"), "utf8")) as object;
    expect(lock).toMatchObject({ lockVersion: 1, format: "oc-mirror" });
    const plan = await sites.must(`npx passthrough plan --offline --against none ${STACK}`);
    expect(plan).toContain("2026-11: 6 images to add");
});

test("preview and up work with the scripts of package.json", async () => {
    await sites.must(`npm run -s pulumi -- stack init site-a`);
    await sites.must(`npm run -s pulumi -- config set registryUsername ${ACCOUNT.username} ${STACK}`);
    await sites.must(`printf %s "$SECRET" | npm run -s pulumi -- config set --secret registryPassword ${STACK}`, {
        SECRET: ACCOUNT.password,
    });
    expect(await sites.must(`npm run -s preview -- ${STACK} ${QUIET}`)).toContain("MirrorValidation validation create");
    expect(registry.writes()).toEqual([]);
    const up = await sites.must(`npm run -s up -- --yes ${STACK} ${QUIET}`);
    const state = await sites.must(`npm run -s pulumi -- stack export ${STACK}`);
    expect(state).toContain('require(\\"./dist/dynamic-providers/entry\\").imageImport');
    expect(leaks([ACCOUNT], { up, state })).toEqual([]);
});

test("verify proves the images, and render writes the files", async () => {
    expect(await sites.must(`npx passthrough verify ${STACK} --json`)).toContain('"status":"proven"');
    await sites.must(`npx passthrough render ${STACK}`);
    expect(readFileSync(join(sites.folder, "out/site-a/mirror-rules.yaml"), "utf8")).toContain(registry.host);
});

test("an update of the program changes nothing, and providers follow the configuration", async () => {
    sites.install(tarball, "0.2.0");
    registry.setPassword(ACCOUNT.username, "another-canary-5d2e");
    await sites.must(
        `printf %s another-canary-5d2e | npm run -s pulumi -- config set --secret registryPassword ${STACK}`,
    );
    // With the password in the state alone this refresh would fail.
    await sites.must(`npm run -s pulumi -- refresh --preview-only --run-program ${STACK} ${QUIET}`);
    registry.setPassword(ACCOUNT.username, ACCOUNT.password);
    await sites.must(`printf %s "$SECRET" | npm run -s pulumi -- config set --secret registryPassword ${STACK}`, {
        SECRET: ACCOUNT.password,
    });
    await sites.must(`npm run -s preview -- --expect-no-changes ${STACK} ${QUIET}`);
    await sites.must(`npm run -s pulumi -- refresh --preview-only --run-program --expect-no-changes ${STACK} ${QUIET}`);
});

test("a stack of a checkout moves to a site repository without a change", async () => {
    const checkout = await TestSite.create(join(FIXTURES, "with-mapping"));
    try {
        expect(await checkout.stack.up()).toMatchObject({ code: 0 });
        // The same backend, passphrase and stack file; only the folder of the project is another one.
        const run = await sites.bash(
            `pulumi preview --expect-no-changes --stack test --config-file "$FILE" ${QUIET} &&
             pulumi refresh --preview-only --run-program --expect-no-changes --stack test --config-file "$FILE" ${QUIET}`,
            {
                PULUMI_BACKEND_URL: `file://${join(checkout.stack.folder, "state")}`,
                FILE: join(checkout.stack.folder, "Pulumi.test.yaml"),
            },
        );
        expect(run).toMatchObject({ code: 0 });
    } finally {
        checkout.stack.remove();
        await checkout.remove();
    }
});
