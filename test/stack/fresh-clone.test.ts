import { join } from "node:path";
import { FreshClone } from "../support/fresh-clone";
import { ACCOUNT, FIXTURES, TestSite } from "../support/site";
import { type CliRun, TestStack } from "../support/stack";

jest.setTimeout(900_000);

let site: TestSite;
let clone: FreshClone;
let stack: TestStack;

beforeAll(async () => {
    site = await TestSite.create(join(FIXTURES, "incremental/1"));
    clone = new FreshClone();
    stack = await TestStack.create({ site: site.document(), ...ACCOUNT }, clone.folder);
});

afterAll(async () => {
    stack.remove();
    clone.remove();
    await site.remove();
});

/** The command must fail with the problem and the command that is missing, and send the registry nothing. */
async function stops(command: () => Promise<CliRun>, problem: string): Promise<void> {
    site.registry.forget();
    const run = await command();
    expect(run.code).not.toBe(0);
    expect(run.text).toContain(`${problem}; run in ${clone.folder}: npm run build`);
    expect(site.registry.accesses()).toEqual([]);
}

test("plain pulumi in a fresh clone installs, and runs the current code or names the command that is missing", async () => {
    stack.setVariable("PATH", clone.pathWithLocalNpm());
    const install = await stack.install();
    expect(install.text).toContain("npm install");
    expect(install.code).toBe(0);

    await stops(() => stack.preview(), "the program is not compiled");
    clone.build();
    expect(await stack.upOnly("--skip-preview")).toMatchObject({ code: 0 });
    // Pulumi also finds the project from a folder below it.
    expect(await stack.preview("--expect-no-changes", "-C", join(clone.folder, "docs"))).toMatchObject({ code: 0 });

    clone.append("lib/oci/digest.ts", "\n");
    // Neither of the last two runs the program; the provider refuses.
    for (const command of [() => stack.preview(), () => stack.refresh(), () => stack.destroy()])
        await stops(command, "the compiled code in dist/ is older than the sources");
    clone.build();
    expect(await stack.preview("--expect-no-changes")).toMatchObject({ code: 0 });

    clone.replace("package-lock.json", /("node_modules\/zod": \{\s+"version": )"[^"]+"/, '$1"0.0.1"');
    for (const command of [() => stack.preview(), () => stack.destroy()])
        await stops(command, "the packages in node_modules are not those of package-lock.json");
});
