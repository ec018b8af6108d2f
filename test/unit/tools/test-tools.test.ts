import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inModule } from "./script-module";

let root: string;

beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "test tools "));
    file("test/support/cluster/control-plane.ts", "");
    file("test/support/other/index.ts", 'import { plane } from "../cluster/control-plane";');
    file("test/direct.test.ts", 'import { ControlPlane } from "./support/cluster/control-plane";');
    file("test/indirect.test.ts", 'import {\n    other,\n} from "./support/other";');
    file("test/without.test.ts", 'import { join } from "node:path";\nimport { gone } from "./gone";');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
}

/** @param script stands for jest: lists tests, one a line */
async function toolsOf(script: string): Promise<unknown> {
    const command = [process.execPath, "-e", script, "--"];
    const { value } = await inModule("test-tools.mjs", "return m.toolsOfTests(input.root, input.command);", {
        root,
        command,
    });
    return value;
}

const list = (test: string) => `console.log(${JSON.stringify(join(root, "test", test))})`;

it.each(["direct", "indirect"])("a test that starts an API server needs its programs: %s", async (name) => {
    expect(await toolsOf(list(`${name}.test.ts`))).toEqual(["kube-apiserver", "etcd"]);
});

it("other tests need no more than every run has", async () => {
    expect(await toolsOf(list("without.test.ts"))).toEqual([]);
});

it("a list that fails needs nothing: the run itself says why", async () => {
    expect(await toolsOf(`${list("direct.test.ts")}; process.exitCode = 1`)).toEqual([]);
});

it("asks for the list of the very tests that will run", async () => {
    const script = `if (process.argv.at(-1) === "--listTests") ${list("direct.test.ts")}`;
    expect(await toolsOf(script)).toEqual(["kube-apiserver", "etcd"]);
});
