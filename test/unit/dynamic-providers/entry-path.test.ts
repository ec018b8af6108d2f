import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
        "clusterAccess",
        "clusterContactSource",
        "clusterCoverage",
        "clusterProtection",
        "clusterTrust",
        "imageImport",
        "mirrorValidation",
        "registryAccess",
        "registryNamespace",
        "registrySuperuser",
        "repositorySet",
        "robotAccount",
    ]);
});
