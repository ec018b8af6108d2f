import { admissionChanges } from "../../../dynamic-providers/registry-host/admitted-nodes";

const said = (before: readonly string[], after: readonly string[]) =>
    admissionChanges({ allowedFrom: [...before] } as never, { allowedFrom: [...after] }).map(
        ({ level, text }) => `${level}: ${text}`,
    );

test("it is said who is let in by another allowedFrom, and who no longer", () => {
    expect(said(["10.9.0.0/16", "10.8.0.1"], ["10.8.0.1", "10.9.0.0/16"])).toEqual([]);
    expect(said([], [])).toEqual([]);
    expect(said(["10.9.0.0/16", "10.8.0.1"], ["10.8.0.1", "10.7.0.1", "10.7.0.2"])).toEqual([
        "info: allowedFrom lets in 10.7.0.1, 10.7.0.2",
        "info: allowedFrom no longer lets in 10.9.0.0/16",
    ]);
    expect(said([], ["10.7.0.1"])).toEqual([
        "info: allowedFrom lets in 10.7.0.1; until now everybody reached the registry",
    ]);
    expect(said(["10.7.0.1"], [])).toEqual(["warning: without allowedFrom everybody reaches the registry"]);
});
