import {
    OLD_OBJECT_KEY,
    followRemoved,
    needsOneStep,
    planOldObjects,
} from "../../../lib/openshift/old-objects/old-objects";
import type { MirrorObject } from "../../../lib/openshift";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { mirrorPair } from "../../support/lab-rules";
import { contentSourcePolicies, mirrorSets } from "../../support/old-rules";

const SETS = mirrorSets("old.lab.test:5000");
const [GENERIC, OPERATORS, RELEASE, TAGS] = SETS as [MirrorObject, MirrorObject, MirrorObject, MirrorObject];
const KEY = "ImageDigestMirrorSet/idms-generic-0";
const live = {
    ...GENERIC,
    metadata: { ...GENERIC.metadata, uid: "1", resourceVersion: "7" },
} as unknown as MirrorObject;

test.each([
    ["ImageDigestMirrorSet/idms-operator-0", true],
    ["ImageContentSourcePolicy/operator.example", true],
    ["ImageTagMirrorSet/Upper", false],
    ["ConfigMap/x", false],
    ["idms-operator-0", false],
])("%s names a mirror object: %s", (key, isValid) => {
    expect(OLD_OBJECT_KEY.test(key)).toBe(isValid);
});

test("an object is removed only when state has a copy of it as it is", () => {
    const first = planOldObjects({ objects: [live] }, { [KEY]: "remove" }, {});
    expect(first).toMatchObject({ remove: [], copyFirst: [live], copies: { [KEY]: GENERIC } });
    const second = planOldObjects({ objects: [live] }, { [KEY]: "remove" }, first.copies);
    expect(second).toMatchObject({ remove: [live], copyFirst: [] });
    const changed = { ...live, spec: { imageDigestMirrors: [] } } as MirrorObject;
    expect(planOldObjects({ objects: [changed] }, { [KEY]: "remove" }, first.copies)).toMatchObject({
        remove: [],
        copyFirst: [changed],
    });
});

test("keep creates again what is gone, from the copy; what was never there is unknown", () => {
    const copies = { [KEY]: GENERIC };
    expect(planOldObjects({ objects: [] }, { [KEY]: "keep" }, copies)).toMatchObject({ create: [GENERIC], copies });
    expect(planOldObjects({ objects: [] }, { [KEY]: "keep" }, {})).toMatchObject({ create: [], unknown: [KEY] });
    expect(planOldObjects({ objects: [live] }, { [KEY]: "keep" }, copies)).toMatchObject({ create: [], kept: [live] });
    expect(planOldObjects({ objects: [] }, { [KEY]: "remove" }, copies)).toMatchObject({
        create: [],
        remove: [],
        copies,
    });
});

test("what kubectl keeps of its last apply, and what the API server writes, is not copied", () => {
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", team: "a" };
    const applied = { ...live, metadata: { ...live.metadata, annotations } } as unknown as MirrorObject;
    const { copies } = planOldObjects({ objects: [applied] }, { [KEY]: "keep" }, {});
    expect(copies[KEY]?.metadata).toEqual({ name: "idms-generic-0", annotations: { team: "a" } });
});

test("objects that share a source, or have one inside the other, change in one step", () => {
    const nested = (source: string): MirrorObject => ({
        ...(OPERATORS as Extract<MirrorObject, { kind: "ImageDigestMirrorSet" }>),
        spec: { imageDigestMirrors: [{ source, mirrors: ["old.lab.test:5000/x"] }] },
    });
    expect(needsOneStep([GENERIC, TAGS])).toBe(true);
    expect(needsOneStep([GENERIC, OPERATORS, RELEASE])).toBe(false);
    expect(needsOneStep([GENERIC, nested("quay.io")])).toBe(true);
    expect(needsOneStep([GENERIC, nested("quay.io/org/team")])).toBe(true);
    expect(needsOneStep([GENERIC, nested("quay.io/organisation")])).toBe(false);
    expect(needsOneStep([TAGS])).toBe(false);
});

/** By what nodes have of these objects, where pulls of each removed entry go: `<source> <form>` -> rule. */
function followed(removed: readonly MirrorObject[], left: readonly MirrorObject[]): Record<string, string> {
    const entries = followRemoved(removed, registriesConf(left, "4.20.4"));
    return Object.fromEntries(entries.map(({ source, form, rule = "none" }) => [`${source} ${form}`, rule]));
}

const idms = (name: string, source: string, mirrors: readonly string[]): MirrorObject => ({
    apiVersion: "config.openshift.io/v1",
    kind: "ImageDigestMirrorSet",
    metadata: { name },
    spec: { imageDigestMirrors: [{ source, mirrors: [...mirrors] }] },
});

test("an entry is served by a rule around it for the same form of pulls", () => {
    const ours = mirrorPair(["quay.io", "registry.redhat.io"], "AllowContactingSource");
    const unserved = (removed: readonly MirrorObject[], left: readonly MirrorObject[]) =>
        Object.entries(followed(removed, left)).flatMap(([entry, rule]) => (rule === "none" ? [entry] : []));
    expect(unserved([GENERIC, OPERATORS], ours)).toEqual([]);
    expect(unserved([TAGS], ours)).toEqual(["docker.io/library tag"]);
    expect(unserved([TAGS], ours.slice(0, 1))).toHaveLength(4);
    expect(unserved(contentSourcePolicies("old.lab.test:5000"), ours.slice(0, 1))).toEqual([]);
});

test("a wildcard of others serves hosts below it, but no port, and none of other domains", () => {
    const corp = idms("corp", "*.old.test", ["corp.lab.test/old"]);
    const removed = ["reg.old.test/a", "reg.old.test:5000/a", "old.test/a", "*.old.test"].map((source, at) =>
        idms(`old-${at}`, source, ["m.lab.test/a"]),
    );
    expect(followed(removed, [corp])).toEqual({
        "reg.old.test/a digest": "*.old.test",
        "reg.old.test:5000/a digest": "none",
        "old.test/a digest": "none",
        "*.old.test digest": "*.old.test",
    });
    const [entry] = followRemoved(removed, registriesConf([corp], "4.20.4"));
    expect(entry?.locations).toEqual(["corp.lab.test/old"]);
});

test("a rule for the other form of pulls that is in between, and one that redirects nowhere, serve nothing", () => {
    const ours = mirrorPair(["quay.io"], "AllowContactingSource");
    expect(followed([GENERIC], [...ours, TAGS])).toMatchObject({ "quay.io/org digest": "none" });
    expect(followed([GENERIC], [idms("nowhere", "quay.io", ["quay.io"])])).toMatchObject({
        "quay.io/org digest": "none",
    });
    // What redirects nowhere is not missed.
    expect(followed([idms("nowhere", "ghcr.io", ["ghcr.io"])], [])).toEqual({});
});
