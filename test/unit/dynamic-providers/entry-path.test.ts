import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import * as entry from "../../../dynamic-providers/entry";
import { handlerText, isOwnProject } from "../../../dynamic-providers/lifecycle/entry-path";
import { PROJECT } from "../../support/stack";

afterEach(() => jest.restoreAllMocks());

test("in this project, state refers to the entry by the path that all stacks have stored", () => {
    expect(isOwnProject()).toBe(true);
    expect(handlerText("imageImport")).toBe(
        'exports.handler=()=>require("./dist/dynamic-providers/entry").imageImport',
    );
});

test("a checkout whose dist/ is a link to this build is this project too", () => {
    const checkout = mkdtempSync(join(tmpdir(), "checkout-"));
    try {
        symlinkSync(join(PROJECT, "dist"), join(checkout, "dist"));
        jest.spyOn(process, "cwd").mockReturnValue(checkout);
        expect(isOwnProject()).toBe(true);
    } finally {
        rmSync(checkout, { recursive: true, force: true });
    }
});

test("another project finds the entry in the package", () => {
    jest.spyOn(process, "cwd").mockReturnValue(tmpdir());
    expect(isOwnProject()).toBe(false);
    expect(handlerText("imageImport")).toBe(
        'exports.handler=()=>require("registry-passthrough/dist/dynamic-providers/entry").imageImport',
    );
});

test("the names that state refers to are exported for good", () => {
    expect(Object.keys(entry).sort()).toEqual([
        "acmeAccount",
        "acmeCertificate",
        "clusterAccess",
        "clusterContactSource",
        "clusterCoverage",
        "clusterOldRules",
        "clusterPinnedImages",
        "clusterProof",
        "clusterProtection",
        "clusterRollout",
        "clusterSignatures",
        "clusterTrust",
        "imageImport",
        "mirrorValidation",
        "registryAccess",
        "registryCertificate",
        "registryDeployment",
        "registryHost",
        "registryInstallation",
        "registryNamespace",
        "registrySuperuser",
        "repositorySet",
        "robotAccount",
        "robotRetirement",
        "siteCertificateAuthority",
    ]);
});

test("each of these names loads its provider at the first operation", async () => {
    for (const provider of Object.values(entry)) {
        const { failures } = await provider.check({}, { selfUrn: "urn" });
        expect(failures).not.toEqual([]);
        expect(failures).toBeDefined();
    }
});

/** Files that a new process has loaded after it has loaded this compiled module, relative to the project. */
function loadedBy(module: string): string[] {
    const script = "require(process.argv[1]); console.log(JSON.stringify(Object.keys(require.cache)))";
    const { stdout } = spawnSync(process.execPath, ["-e", script, join(PROJECT, "dist", module)], { encoding: "utf8" });
    return (JSON.parse(stdout) as string[]).map((file) => relative(PROJECT, file));
}

test("a provider process loads no provider before its first operation", () => {
    const loaded = loadedBy("dynamic-providers/entry");
    expect(loaded).toContain("dist/dynamic-providers/registry/registry-process.js");
    expect(loaded.filter((file) => file.endsWith("/provider.js"))).toEqual([]);
});

test("a program without an applied cluster loads nothing of Kubernetes' SDK, and no HTTP client", () => {
    const loaded = loadedBy("components");
    expect(loaded).toContain("dist/components/passthrough-site.js");
    expect(loaded.filter((file) => /^node_modules\/(@pulumi\/kubernetes|undici)\//.test(file))).toEqual([]);
    expect(loaded).not.toContain("dist/components/passthrough-cluster.js");
});
