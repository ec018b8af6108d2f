import {
    clusterOwner,
    findOwnObjects,
    isOwnObject,
    isSameStack,
    lostSources,
    otherCluster,
} from "../../../lib/openshift";
import type { MirrorObject } from "../../../lib/openshift";
import { OWNER_ANNOTATION } from "../../../lib/openshift";
import { named } from "./cluster-survey";
import { entry, icsp, idms, itms } from "./mirror-objects";

const STACK = "registry-passthrough/lab";
const object = (owner?: string) => ({
    metadata: { name: "a", annotations: owner === undefined ? {} : { [OWNER_ANNOTATION]: owner } },
});

test.each<[string, string, string | undefined, boolean, string | undefined]>([
    ["the only cluster", "", STACK, true, undefined],
    ["a named cluster", "east", `${STACK}/east`, true, undefined],
    ["the only cluster, seen from a named one", "east", STACK, false, "site.cluster"],
    ["another cluster", "east", `${STACK}/west`, false, "west"],
    ["a cluster whose name begins alike", "east", `${STACK}/east-2`, false, "east-2"],
    ["a named cluster, seen from the only one", "", `${STACK}/east`, false, "east"],
    ["another stack", "east", "registry-passthrough/prod", false, undefined],
    ["a stack whose name begins alike", "", `${STACK}2/east`, false, undefined],
    ["nobody", "", undefined, false, undefined],
])("owner: %s", (_, cluster, found, isOwn, other) => {
    const owner = { owner: clusterOwner(STACK, cluster) };
    expect([isOwnObject(object(found), owner), otherCluster(object(found), owner)]).toEqual([isOwn, other]);
});

test("two sites of one program own different objects, whatever their clusters are called", () => {
    const [one, two] = ["one", "two"].map((site) => ({ owner: clusterOwner(STACK, "", site) }));
    const { owner = "" } = one ?? {};
    expect(owner).toBe(`${STACK}:one`);
    for (const other of [two, { owner: STACK }, { owner: clusterOwner(STACK, "one") }]) {
        if (other === undefined) throw new Error("no owner");
        expect(isOwnObject(object(owner), other)).toBe(false);
        expect(otherCluster(object(owner), other)).toBeUndefined();
        expect(isSameStack(owner, other.owner)).toBe(true);
    }
    expect(otherCluster(object(`${owner}/east`), { owner: `${owner}/west` })).toBe("east");
    expect(clusterOwner(STACK, "east", "a/b")).toBe(`${STACK}:a%2Fb/east`);
});

test("a former name of the cluster is its own", () => {
    const owner = { owner: `${STACK}/west`, formerOwners: [`${STACK}/east`] };
    expect(isOwnObject(object(`${STACK}/east`), owner)).toBe(true);
    expect(otherCluster(object(`${STACK}/east`), owner)).toBeUndefined();
});

const annotated = (rule: MirrorObject, owner: string): MirrorObject =>
    ({
        ...rule,
        metadata: { ...rule.metadata, ...{ annotations: { [OWNER_ANNOTATION]: owner } } } as MirrorObject["metadata"],
    }) as MirrorObject;
const QUAY = entry("quay.io", ["reg.test:8443/mirror/quay.io"]);
const GHCR = entry("ghcr.io", ["reg.test:8443/mirror/ghcr.io"]);

test("objects are sorted by what a run does with them", () => {
    const [old, lost, digest, foreign] = [
        annotated(named("passthrough-lab", icsp(QUAY)), STACK),
        annotated(named("passthrough-lab-lost", idms(QUAY)), STACK),
        named("passthrough-lab-digest", idms(QUAY)),
        annotated(named("corp", itms(QUAY)), "registry-passthrough/prod"),
    ];
    const wanted = [named("passthrough-lab-digest", idms(GHCR))];
    const objects = [old, lost, digest, foreign];
    const former = ["ImageContentSourcePolicy passthrough-lab"];
    expect(findOwnObjects({ objects }, wanted, { owner: STACK }, former)).toEqual({
        replaced: [digest],
        removed: [old],
        left: [lost],
        remaining: [lost, digest, foreign],
    });
});

test("a rule is lost by form and source, whichever kind of object had it", () => {
    const removed = [named("passthrough-lab", icsp(QUAY, GHCR))];
    const own = { replaced: [named("tag", itms(QUAY))], removed };
    expect(lostSources(own, [named("digest", idms(QUAY))]).map(({ object: name, problem }) => [name, problem])).toEqual(
        [
            ["ImageTagMirrorSet tag", expect.stringContaining("quay.io would lose its mirror rule for pulls by tag")],
            [
                "ImageContentSourcePolicy passthrough-lab",
                expect.stringContaining("ghcr.io would lose its mirror rule for pulls by digest"),
            ],
        ],
    );
    expect(lostSources(own, [named("digest", idms(QUAY, GHCR)), named("tag", itms(QUAY))])).toEqual([]);
});
