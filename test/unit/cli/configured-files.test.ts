import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { readStackSite } from "../../../cli/stack/stack-file";
import { StackSettings } from "../../../dynamic-providers/registry/stack-settings";
import { readLock } from "../../../lib/lock";

let folder = "";
let pipe = "";
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "configured-files-"));
    pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
});
afterAll(() => {
    rmSync(folder, { recursive: true });
});

const site = () => ({
    registry: {
        ...{ type: "distribution", mirrorBase: "registry.example:8443/mirror", ca: pipe },
        clientCertificate: { certificateFile: folder, keyFile: pipe },
    },
    content: [{ archive: "a.tar", lock: "/dev/zero" }],
});

test("pipes, devices and folders in place of files are reported by their keys, all at once", () => {
    const config = { "registry-passthrough:site": site() };
    writeFileSync(join(folder, "Pulumi.dev.yaml"), stringify({ config }));
    const read = () => readStackSite({ stack: "dev", folder });
    const expected = [
        `site.registry.ca: ${pipe} is a pipe, not a file;`,
        `site.registry.clientCertificate.certificateFile: ${folder} is a folder, not a file;`,
        `site.registry.clientCertificate.keyFile: ${pipe} is a pipe, not a file;`,
        "site.content[0].lock: cannot read the lock file: /dev/zero is a device, not a file; name a file",
    ];
    for (const line of expected) expect(read).toThrow(line);
});

test("providers leave such a file out, and a lock of that kind is unreadable", async () => {
    const settings = StackSettings.read((key) => (key.endsWith(":site") ? JSON.stringify(site()) : undefined));
    expect(settings.site).toMatchObject({ ca: undefined, clientCertificate: undefined });
    await expect(readLock(pipe)).rejects.toMatchObject({ code: "LOCK_UNREADABLE" });
});
