import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../../support/stack";

function withNode(...args: string[]) {
    return spawnSync(process.execPath, [join(PROJECT, "tools/with-node.mjs"), ...args], {
        cwd: PROJECT,
        encoding: "utf8",
    });
}

const MAJOR = String(process.versions.node.split(".")[0]);

test("a command runs with the wanted Node.js first on PATH, and so do the processes that it starts", () => {
    const { stdout, stderr, status } = withNode(
        MAJOR,
        "sh",
        "-c",
        "command -v node; env node -p process.version; exit 7",
    );
    const [file, version] = stdout.split("\n");
    expect([version, status, stderr]).toEqual([process.version, 7, ""]);
    expect(file).toBe(join(PROJECT, `.local/bin/node-${process.versions.node}/node`));
});

test.each([[[]], [["21", "node"]], [["24"]]])("%j gets the usage", (args: string[]) => {
    const { stderr, status } = withNode(...args);
    expect(status).toBe(1);
    expect(stderr).toContain("usage: node tools/with-node.mjs 20|22|24 COMMAND");
});
