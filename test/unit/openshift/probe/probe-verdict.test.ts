import { computeDigest } from "../../../../lib/oci/digest";
import type { ContainerStatus, PodEvent, ProbePod } from "../../../../lib/openshift/probe/probe-objects";
import type { SourceProbe } from "../../../../lib/openshift/probe/probe-plan";
import type { Probe } from "../../../../lib/openshift/probe/probe-pods";
import { type ProbeResult, formatProbeResult, isProven } from "../../../../lib/openshift/probe/probe-report";
import { assessProbe, unfinishedVerdict } from "../../../../lib/openshift/probe/probe-verdict";

const MIRROR = "registry.lab.test:8443/mirror/quay.io/passthrough-probe/only-in-mirror";
const [INDEX, PLATFORM, OTHER] = ["index", "platform", "other"].map(computeDigest) as [string, string, string];
const NAME = "quay.io/passthrough-probe/only-in-mirror";
const IMAGE = `${NAME}@${INDEX}`;

const SOURCE: SourceProbe = {
    source: "quay.io",
    upstream: { registry: "quay.io", repository: "passthrough-probe/only-in-mirror" },
    mirror: { registry: "registry.lab.test:8443", repository: "mirror/quay.io/passthrough-probe/only-in-mirror" },
    isUpstreamForbidden: true,
    notProbed: {},
};
const POOL = { name: "worker", nodes: ["worker-0"], total: 1 };

const probe = (form: Probe["form"], source: Partial<SourceProbe> = {}): Probe => ({
    ...{ pool: POOL, form, image: IMAGE, digests: form === "absent" ? [] : [INDEX, PLATFORM] },
    source: { ...SOURCE, ...source },
});

function pod(
    state: ContainerStatus["state"],
    changes: { imageID?: string; spec?: object; status?: object } = {},
): ProbePod {
    const { imageID = `${NAME}@${PLATFORM}`, spec = {}, status = {} } = changes;
    const containers = [{ name: "probe", image: IMAGE, imagePullPolicy: "Always" }];
    return {
        ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "probe-1" } },
        spec: { nodeName: "worker-0", containers, ...spec },
        status: {
            phase: "Pending",
            ...(state ? { containerStatuses: [{ name: "probe", imageID, state }] } : {}),
            ...status,
        },
    };
}

const waiting = (reason: string, message?: string) =>
    pod({ waiting: { reason, ...(message && { message }) } }, { imageID: "" });
const event = (reason: string, message: string, type = "Normal"): PodEvent => {
    return { apiVersion: "v1", kind: "Event", metadata: { name: "e" }, type, reason, message };
};

// Texts of a kubelet 1.34 with containerd 1.6, and with CRI-O 1.37, as they ran; the names are those of the lab.
const PULLED = event(
    "Pulled",
    `Successfully pulled image "${IMAGE}" in 244ms (244ms including waiting). Image size: 512 bytes.`,
);
const mirrorsFailed = (why: string) => `(Mirrors also failed: [${MIRROR}@${INDEX}: ${why}]): ${IMAGE}: `;
const CRIO = "unable to pull image or OCI artifact: pull image err: initializing source docker://";
const BLOCKED = "registry quay.io is blocked in /etc/containers/registries.conf or /etc/containers/registries.conf.d";
const MISSING = `${CRIO}${IMAGE}: ${mirrorsFailed(`reading manifest ${INDEX} in ${MIRROR}: manifest unknown`)}${BLOCKED}`;
const ASKED_UPSTREAM = `${CRIO}${IMAGE}: ${mirrorsFailed(`reading manifest ${INDEX} in ${MIRROR}: manifest unknown`)}reading manifest ${INDEX} in ${NAME}: manifest unknown`;
const NOT_TRUSTED = `${CRIO}${IMAGE}: ${mirrorsFailed('pinging container registry registry.lab.test:8443: Get "https://registry.lab.test:8443/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority')}${BLOCKED}`;
/** CRI-O 1.37 pulls again as an artifact what it could not pull as an image, and says both. */
const twice = (text: string) =>
    `${text}; artifact err: image reference: get manifest from ref: create image source: ${text.slice(text.indexOf("(Mirrors"))}`;
const NO_TAG_RULE = `${CRIO}${NAME}:1: ${BLOCKED}`;
const CONTAINERD = `rpc error: code = NotFound desc = failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": ${IMAGE}: not found`;

describe("a pull by digest or by tag", () => {
    test.each([
        ["ended", pod({ terminated: { exitCode: 0, reason: "Completed" } })],
        ["runs", pod({ running: {} })],
        [
            "could not be started after the pull (CRI-O has no container then, and no imageID)",
            waiting("CreateContainerError"),
        ],
        ["failed to run (containerd)", pod({ terminated: { exitCode: 128, reason: "StartError" } })],
        ["reports the index", pod({ running: {} }, { imageID: IMAGE })],
        ["reports the digest alone", pod({ running: {} }, { imageID: PLATFORM })],
    ])("is proven when the container %s", (_name, found) => {
        expect(assessProbe(probe("digest"), found, [PULLED])).toEqual({
            outcome: "proven",
            detail: PULLED.message,
            node: "worker-0",
        });
        expect(assessProbe(probe("tag"), found, [])).toMatchObject({ outcome: "proven" });
    });

    test("is not known while the container waits, or for a reason that is not known", () => {
        for (const reason of ["ContainerCreating", "PodInitializing", "SomethingNew"]) {
            expect(assessProbe(probe("digest"), waiting(reason), [])).toBeUndefined();
        }
        expect(assessProbe(probe("digest"), pod(undefined), [])).toBeUndefined();
    });

    test("has no proven origin if nothing was pulled, or something changed the pod", () => {
        const present = event("Pulled", `Container image "${IMAGE}" already present on machine`);
        const running = { running: {} };
        expect(assessProbe(probe("digest"), pod(running), [present])).toMatchObject({
            outcome: "unproven",
            detail: `nothing was pulled: ${present.message ?? ""}`,
        });
        const other = { containers: [{ name: "probe", image: "cache.test/x:1", imagePullPolicy: "Always" }] };
        expect(assessProbe(probe("digest"), pod(running, { spec: other }), [])).toMatchObject({
            outcome: "unproven",
            detail: "something in the cluster changed the image of the pod to cache.test/x:1",
        });
        const policy = { containers: [{ name: "probe", image: IMAGE, imagePullPolicy: "IfNotPresent" }] };
        expect(assessProbe(probe("digest"), pod(running, { spec: policy }), [])).toMatchObject({ outcome: "unproven" });
    });

    test("fails for another image than was pushed", () => {
        const found = pod({ running: {} }, { imageID: `${NAME}@${OTHER}` });
        expect(assessProbe(probe("tag"), found, [PULLED])).toMatchObject({
            outcome: "failed",
            detail: `the node reports another image than was pushed: ${OTHER}`,
        });
    });

    test.each([
        [MISSING, "the mirror says that it does not have it"],
        [NOT_TRUSTED, "the node does not trust the registry's certificate"],
        [NO_TAG_RULE, "the node has no mirror for this form of pull, and must not ask the upstream"],
        [CONTAINERD, "nobody that the node asked has it: it did not ask the mirror"],
        [
            `${CRIO}${IMAGE}: ${mirrorsFailed(`reading manifest in ${MIRROR}: unauthorized: authentication required`)}${BLOCKED}`,
            "the registry rejects the account of the node, or it has none",
        ],
        [
            `${CRIO}${IMAGE}: ${mirrorsFailed("pinging container registry registry.lab.test:8443: dial tcp: lookup registry.lab.test: no such host")}${BLOCKED}`,
            "the node does not reach it",
        ],
        [
            `Source image rejected: Running image docker://${IMAGE} is rejected by policy.`,
            "the node's signature policy rejects it",
        ],
    ])("fails with its cause and the runtime's text: %#", (text, cause) => {
        expect(assessProbe(probe("digest"), waiting("ErrImagePull", text), [])).toEqual({
            ...{ outcome: "failed", detail: `${cause}: ${text}`, node: "worker-0" },
        });
    });

    test("fails with the event's text while the kubelet only says that it waits, and says so when it has expired", () => {
        const backOff = waiting("ImagePullBackOff", `Back-off pulling image "${IMAGE}"`);
        const failed = event("Failed", `Failed to pull image "${IMAGE}": ${CONTAINERD}`, "Warning");
        const error = event("Failed", "Error: ErrImagePull", "Warning");
        const verdict = assessProbe(probe("digest"), backOff, [failed, error]);
        expect(verdict?.detail).toContain("code = NotFound");
        expect(assessProbe(probe("digest"), backOff, [])).toMatchObject({
            outcome: "failed",
            detail: "the pull failed; why is not known any more",
        });
        const told = waiting("ImagePullBackOff", `Back-off pulling image "${IMAGE}": ErrImagePull: ${MISSING}`);
        expect(assessProbe(probe("digest"), told, [])?.detail).toContain("the mirror says that it does not have it");
    });

    test("is refused if its node ends it before it starts", () => {
        const evicted = pod(undefined, {
            status: { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." },
        });
        expect(assessProbe(probe("digest"), evicted, [])).toMatchObject({
            outcome: "refused",
            detail: "the node ended its pod before it started: Evicted: The node was low on resource: memory.",
        });
        const lost = pod(
            { terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } },
            { status: { phase: "Failed", reason: "DeadlineExceeded" } },
        );
        expect(assessProbe(probe("digest"), lost, [])).toMatchObject({ outcome: "refused" });
    });

    test("fails if somebody deletes its pod", () => {
        expect(assessProbe(probe("digest"), undefined, [])).toMatchObject({ outcome: "failed" });
    });
});

describe("a pull of what nobody has", () => {
    const assess = (text: string | undefined, source: Partial<SourceProbe> = {}) =>
        assessProbe(probe("absent", source), waiting("ErrImagePull", text), []);

    test("is refused by the mirror, and where it is forbidden, the upstream is not asked", () => {
        expect(assess(MISSING)).toMatchObject({
            outcome: "proven",
            detail: "the mirror was asked and does not have it, and the upstream was not asked",
        });
        expect(assess(ASKED_UPSTREAM, { isUpstreamForbidden: false })).toMatchObject({
            outcome: "proven",
            detail: "the mirror was asked and does not have it, and the upstream was asked after it",
        });
    });

    test("is judged by the first attempt alone where CRI-O pulls a second time, as an artifact", () => {
        const detail = "the mirror was asked and does not have it, and the upstream was not asked";
        expect(assess(twice(MISSING))).toMatchObject({ outcome: "proven", detail });
        // What the upstream says stands between what the mirror says and what it says again.
        const upstream = `reading manifest ${INDEX} in ${NAME}: manifest unknown`;
        const notTrusted = twice(NOT_TRUSTED.replace(BLOCKED, upstream));
        expect(assess(notTrusted, { isUpstreamForbidden: false })).toMatchObject({
            outcome: "failed",
            detail: expect.stringMatching(
                /^the mirror did not say that it does not have it: (?!.*artifact err)/,
            ) as string,
        });
    });

    test("fails if the upstream was asked although the rules forbid it", () => {
        expect(assess(ASKED_UPSTREAM)).toMatchObject({
            outcome: "failed",
            detail: expect.stringMatching(/^the node asked the upstream, which the rules forbid: /) as string,
        });
    });

    test("fails if the mirror was not asked, or not this one, or failed otherwise", () => {
        expect(assess(NO_TAG_RULE)?.detail).toContain("the node did not ask the mirror");
        expect(assess(MISSING.replaceAll("registry.lab.test:8443", "other.test"))?.detail).toContain(
            "the mirror did not say",
        );
        expect(assess(NOT_TRUSTED)?.detail).toContain("the mirror did not say");
        expect(assess(`${CRIO}${IMAGE}: dial tcp: i/o timeout`)?.detail).toContain("for another reason");
        expect(assess(`${CRIO}${IMAGE}: reading manifest ${INDEX} in ${NAME}: manifest unknown`)?.detail).toContain(
            "did not ask the mirror",
        );
    });

    test("shows nothing of its way with containerd, which does not say whom it asked", () => {
        expect(assess(CONTAINERD)).toMatchObject({ outcome: "unproven" });
        expect(assess(undefined)).toMatchObject({ outcome: "unproven" });
    });

    test("fails if it was pulled", () => {
        expect(assessProbe(probe("absent"), pod({ running: {} }), [])).toMatchObject({
            outcome: "failed",
            detail: `${IMAGE} was pulled, although nobody has pushed it`,
        });
    });
});

describe("a pod that does not start in time", () => {
    test("says what its last warning is", () => {
        const found = unfinishedVerdict(
            waiting("ContainerCreating"),
            [event("FailedCreatePodSandBox", "no pause image", "Warning")],
            5,
        );
        expect(found).toEqual({
            outcome: "refused",
            detail: "its pod did not start within 5 minutes: no pause image",
            node: "worker-0",
        });
    });

    test("says why no node takes it", () => {
        const conditions = [
            { type: "PodScheduled", status: "False", message: "0/1 nodes are available: 1 Insufficient cpu." },
        ];
        const found = unfinishedVerdict(
            pod(undefined, { spec: { nodeName: undefined }, status: { conditions } }),
            [],
            5,
        );
        expect(found.detail).toBe(
            "no node took its pod within 5 minutes: 0/1 nodes are available: 1 Insufficient cpu.",
        );
    });
});

describe("the report", () => {
    const result = (form: Probe["form"], outcome: ProbeResult["outcome"]): ProbeResult => ({
        ...{ pool: "worker", source: "quay.io", form, outcome, detail: "why", node: "worker-0" },
    });

    test("says for each pool and form what came of it", () => {
        expect(formatProbeResult(result("digest", "proven"))).toBe(
            "worker: quay.io by digest: proven from the mirror (node worker-0): why",
        );
        expect(formatProbeResult(result("tag", "unproven"))).toContain("by tag: pulled, but its origin is not proven");
        expect(formatProbeResult(result("absent", "proven"))).toContain(
            "by a digest that does not exist: refused as it must be",
        );
        expect(formatProbeResult(result("tag", "refused"))).toContain("by tag: not run");
    });

    test("is a proof only if every pull came from the mirror or has nothing to prove", () => {
        const proven = result("digest", "proven");
        expect(isProven([proven, result("tag", "skipped"), result("absent", "unproven")])).toBe(true);
        for (const other of ["unproven", "failed", "refused"] as const) {
            expect(isProven([proven, result("tag", other)])).toBe(false);
        }
        expect(isProven([proven, result("absent", "failed")])).toBe(false);
        expect(isProven([result("digest", "skipped")])).toBe(false);
    });
});

test.each(["401", "403", "404"])("the digits %s in a digest are no status", (digits) => {
    const image = `${NAME}@sha256:${digits.padEnd(64, "a")}`;
    const at = `${MIRROR}@sha256:${digits.padEnd(64, "a")}`;
    const said = `${CRIO}${image}: (Mirrors also failed: [${at}: received unexpected HTTP status: 502 Bad Gateway]): ${image}: ${BLOCKED}`;
    const absent = assessProbe(probe("absent"), waiting("ErrImagePull", said), []);
    expect(absent).toMatchObject({ outcome: "failed" });
    const digest = assessProbe(probe("digest"), waiting("ErrImagePull", said), []);
    expect(digest).toMatchObject({ outcome: "failed", detail: expect.stringMatching(/^unable to pull/) as string });
});
