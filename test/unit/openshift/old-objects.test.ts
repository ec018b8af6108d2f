import {
    OLD_OBJECT_KEY,
    needsOneStep,
    planOldObjects,
    unservedEntries,
} from "../../../lib/openshift/old-objects/old-objects";
import type { MirrorObject } from "../../../lib/openshift";
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

test("an entry is served by a rule around it for the same form of pulls", () => {
    const ours = mirrorPair(["quay.io", "registry.redhat.io"], "AllowContactingSource");
    expect(unservedEntries([GENERIC, OPERATORS], ours)).toEqual([]);
    expect(unservedEntries([TAGS], ours).map(({ source, form }) => [source, form])).toEqual([
        ["docker.io/library", "tag"],
    ]);
    expect(unservedEntries([TAGS], ours.slice(0, 1))).toHaveLength(4);
    expect(unservedEntries(contentSourcePolicies("old.lab.test:5000"), ours.slice(0, 1))).toEqual([]);
});
