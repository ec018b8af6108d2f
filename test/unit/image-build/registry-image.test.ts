import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeArchive, openArchive } from "../../../lib/archives";
import { registryImage, writeImageArchive } from "../../../lib/image-build";
import { computeDigest } from "../../../lib/oci/digest";
import { exitProgram } from "../../../lib/openshift/probe/probe-program";

const folder = mkdtempSync(join(tmpdir(), "registry-image-"));
const program = join(folder, "registry");

beforeAll(() => writeFileSync(program, exitProgram("arm64"), { mode: 0o755 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the image of a program is an archive that this program reads, with the same bytes each time", async () => {
    const image = await registryImage(program);
    expect(image.architecture).toBe("arm64");
    expect(JSON.parse(image.config.toString("utf8"))).toMatchObject({
        ...{ architecture: "arm64", os: "linux" },
        config: { User: "65534", Env: ["PATH=/usr/bin"], Entrypoint: ["registry"] },
    });
    const [one, two] = ["one.tar", "two.tar"].map((name) => join(folder, name)) as [string, string];
    await writeImageArchive(one, "lab.example/distribution", image);
    await writeImageArchive(two, "lab.example/distribution", await registryImage(program));
    expect(computeDigest(readFileSync(two))).toBe(computeDigest(readFileSync(one)));
    const archive = await openArchive([one]);
    try {
        const { lock } = await describeArchive(archive, []);
        expect(Object.values(lock.images)).toEqual([image.manifest.digest]);
    } finally {
        await archive.close();
    }
});

test("a program that needs libraries, and a file that is no program, are refused", async () => {
    await expect(registryImage(process.execPath)).rejects.toMatchObject({
        code: "REGISTRY_PROGRAM_INVALID",
        problem: expect.stringMatching(/needs libraries .*libc\.so/) as string,
    });
    const text = join(folder, "text");
    writeFileSync(text, "#!/bin/sh\n");
    await expect(registryImage(text)).rejects.toMatchObject({ code: "REGISTRY_PROGRAM_INVALID", thing: text });
    await expect(registryImage(join(folder, "none"))).rejects.toMatchObject({ code: "REGISTRY_PROGRAM_INVALID" });
});
