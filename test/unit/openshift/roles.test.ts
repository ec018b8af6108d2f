import { parseAllDocuments } from "yaml";
import { CLUSTER_FUNCTIONS, type ClusterFunction, RENDERED_MARK, renderRoles } from "../../../lib/openshift";
import { registryObjects } from "../../../lib/openshift/deployed-registry";
import { SECRET_NAMES } from "../../../lib/openshift/deployed-registry/deployment";
import { isOwnProbe } from "../../../lib/openshift/probe/probe-pods";
import type { ApiObject } from "../../support/cluster/api-client";
import { roleRules } from "../../support/role-rules";

/** `verbs group/resource[/names][ in namespace]` */
const rights = (name: ClusterFunction, version?: string): string[] =>
    roleRules([name], version, { imports: ["transfer"] }).map(
        ({ verbs, apiGroups, resources, resourceNames, namespace }) =>
            [
                `${verbs.join(",")} ${apiGroups.join()}/${resources.join()}`,
                ...(resourceNames === undefined ? [] : [`/${resourceNames.join()}`]),
                ...(namespace === undefined ? [] : [` in ${namespace}`]),
            ].join(""),
    );
const ALL = "get,list,watch,create,patch,delete";
const OWN = "get,create,patch,delete";
const CONFIG = "config.openshift.io";
const MACHINES = "machineconfiguration.openshift.io";

const TABLE: Readonly<Record<ClusterFunction, readonly string[]>> = {
    preview: [
        "get,list operator.openshift.io/imagecontentsourcepolicies",
        `get,list ${CONFIG}/imagedigestmirrorsets`,
        `get,list ${CONFIG}/imagetagmirrorsets`,
        `get ${CONFIG}/images/cluster`,
        `get ${CONFIG}/clusterversions/version`,
        `get,list ${MACHINES}/machineconfigpools`,
        `get,list ${MACHINES}/machineconfigs`,
        `get,list ${MACHINES}/controllerconfigs`,
        "get,list /nodes",
        "get operators.coreos.com/catalogsources in openshift-marketplace",
        "get olm.operatorframework.io/clustercatalogs",
        `get ${CONFIG}/operatorhubs/cluster`,
        "get /configmaps in openshift-config-managed",
        "get updateservice.operator.openshift.io/updateservices in openshift-update-service",
        `get,list ${CONFIG}/clusterimagepolicies`,
        `list ${CONFIG}/imagepolicies`,
    ],
    rules: [
        "get,list,watch,delete operator.openshift.io/imagecontentsourcepolicies",
        `${ALL} ${CONFIG}/imagedigestmirrorsets`,
        `${ALL} ${CONFIG}/imagetagmirrorsets`,
    ],
    "old-rules": [
        "get,list,create,delete operator.openshift.io/imagecontentsourcepolicies",
        `get,list,create,delete ${CONFIG}/imagedigestmirrorsets`,
        `get,list,create,delete ${CONFIG}/imagetagmirrorsets`,
        `get,list,patch ${MACHINES}/machineconfigpools`,
    ],
    trust: [
        "get,patch /secrets/pull-secret in openshift-config",
        "get,create,patch /configmaps in openshift-config",
        "delete /configmaps/registry-cas in openshift-config",
        `get,patch ${CONFIG}/images/cluster`,
    ],
    catalogs: [
        `${ALL} operators.coreos.com/catalogsources in openshift-marketplace`,
        `${ALL} olm.operatorframework.io/clustercatalogs`,
    ],
    "operator-hub": [`get,list,watch,patch,delete ${CONFIG}/operatorhubs/cluster`],
    signatures: [`${ALL} /configmaps in openshift-config-managed`],
    "signature-policies": [
        `get,list,create,patch,delete ${CONFIG}/clusterimagepolicies`,
        `get,list,create,patch,delete ${CONFIG}/imagepolicies`,
    ],
    "update-service": [`${ALL} updateservice.operator.openshift.io/updateservices in openshift-update-service`],
    "pinned-images": [
        `${ALL} ${MACHINES}/pinnedimagesets`,
        `list ${MACHINES}/machineconfignodes`,
        `list ${MACHINES}/machineconfigpools`,
    ],
    imports: [
        "get /persistentvolumeclaims in transfer",
        `${OWN} batch/jobs in transfer`,
        "update batch/jobs/finalizers in transfer",
        "get,create,patch /secrets in transfer",
        "list /pods in transfer",
        "list /events in transfer",
        "get /pods/log in transfer",
    ],
    registry: [
        "get /namespaces/registry-passthrough",
        ...["persistentvolumeclaims", "configmaps", "services"].map(
            (kind) => `${OWN} /${kind} in registry-passthrough`,
        ),
        "create /secrets in registry-passthrough",
        "get,patch,delete /secrets/registry-certificate,registry-storage,registry-accounts,registry-push-accounts in registry-passthrough",
        `${OWN} networking.k8s.io/networkpolicies in registry-passthrough`,
        `${OWN} apps/statefulsets in registry-passthrough`,
        `${OWN} route.openshift.io/routes in registry-passthrough`,
        "create route.openshift.io/routes/custom-host in registry-passthrough",
        "get,list,create,delete /pods in registry-passthrough",
    ],
    coverage: [
        "list /pods",
        "list /replicationcontrollers",
        "list apps/deployments",
        "list apps/statefulsets",
        "list apps/daemonsets",
        "list apps/replicasets",
        "list batch/jobs",
        "list batch/cronjobs",
        "list apps.openshift.io/deploymentconfigs",
        "list build.openshift.io/buildconfigs",
        "list image.openshift.io/imagestreams",
        "list operators.coreos.com/catalogsources",
        "list olm.operatorframework.io/clustercatalogs",
        `get ${CONFIG}/clusterversions/version`,
        "get,list operator.openshift.io/imagecontentsourcepolicies",
        `get,list ${CONFIG}/imagedigestmirrorsets`,
        `get,list ${CONFIG}/imagetagmirrorsets`,
        `get ${CONFIG}/images/cluster`,
    ],
    proof: [
        "get,list operator.openshift.io/imagecontentsourcepolicies",
        `get,list ${CONFIG}/imagedigestmirrorsets`,
        `get,list ${CONFIG}/imagetagmirrorsets`,
        `get ${CONFIG}/images/cluster`,
        `get ${CONFIG}/clusterversions/version`,
        `list ${MACHINES}/machineconfigpools`,
        "list /nodes",
        "get /namespaces/registry-passthrough-probe",
        "get,list,create,delete /pods in registry-passthrough-probe",
        "list /events in registry-passthrough-probe",
    ],
};

test.each(CLUSTER_FUNCTIONS)("%s has exactly its rights", (name) => {
    expect(rights(name).sort()).toEqual([...TABLE[name]].sort());
});

test("kinds follow the version of the cluster", () => {
    expect(rights("rules", "4.12")).toEqual([`${ALL} operator.openshift.io/imagecontentsourcepolicies`]);
    expect(rights("rules", "4.13")).toEqual(TABLE.rules);
    expect(rights("catalogs", "4.17")).toEqual(TABLE.catalogs.slice(0, 1));
    // All are listed on every version, and the API answers an account without the right with 403 in place of 404.
    expect(rights("preview", "4.12").filter((right) => right.includes("mirrorsets"))).toHaveLength(2);
    const nodeCa = [
        "get apps/daemonsets/node-ca in openshift-image-registry",
        "get /configmaps/image-registry-certificates in openshift-image-registry",
    ];
    expect(rights("preview", "4.13").slice(-2)).toEqual(nodeCa);
    expect(rights("preview", "4.14")).not.toContain(nodeCa[0]);
});

test("no right is for everything, secrets are named, and what can be deleted can be watched", () => {
    for (const version of [undefined, "4.12"]) {
        for (const rule of roleRules(CLUSTER_FUNCTIONS, version, { imports: ["transfer"] })) {
            expect(JSON.stringify(rule)).not.toContain("*");
            // A creation cannot be limited to names.
            if (!rule.resources.includes("secrets") || rule.verbs.join() === "create") continue;
            // Those of a Job have the name of its stack and lock in them; the namespace is for archives alone.
            if (rule.namespace === "transfer") continue;
            expect([["pull-secret"], SECRET_NAMES]).toContainEqual(rule.resourceNames);
        }
    }
    // The kubernetes plugin watches what it deletes; these are none of its objects.
    const others: readonly string[] = ["proof", "old-rules", "signature-policies", "registry", "imports"];
    const ofPlugin = CLUSTER_FUNCTIONS.filter((name) => !others.includes(name));
    const managed = roleRules(ofPlugin).filter(({ verbs }) => verbs.includes("delete") && verbs.length > 1);
    for (const { verbs } of managed) expect(verbs).toEqual(expect.arrayContaining(["list", "watch"]));
});

interface Rendered {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
    readonly rules?: object[];
    readonly roleRef?: { readonly kind: string; readonly name: string };
    readonly subjects?: { readonly name: string; readonly namespace: string }[];
}
const objects = (text = ""): Rendered[] => parseAllDocuments(text).map((document) => document.toJS() as Rendered);

describe("rendered", () => {
    it("a function has roles and bindings in each namespace that it needs", () => {
        const files = renderRoles(["trust"]);
        expect(Object.keys(files)).toEqual(["roles/service-accounts.yaml", "roles/trust.yaml"]);
        for (const text of Object.values(files)) expect(text.startsWith(`${RENDERED_MARK}\n# `)).toBe(true);
        const rendered = objects(files["roles/trust.yaml"]);
        expect(rendered.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}`)).toEqual([
            "Role openshift-config",
            "RoleBinding openshift-config",
            "ClusterRole ",
            "ClusterRoleBinding ",
        ]);
        expect(rendered.flatMap(({ rules = [] }) => rules)).toEqual(
            roleRules(["trust"]).map(({ namespace: _, ...rule }) => rule),
        );
        expect(rendered[1]).toMatchObject({ roleRef: { kind: "Role", name: "registry-passthrough-trust" } });
    });

    it("the account that only reads has the role of coverage, which changes nothing, and no others", () => {
        const files = renderRoles(CLUSTER_FUNCTIONS);
        const bound = CLUSTER_FUNCTIONS.filter((name) =>
            objects(files[`roles/${name}.yaml`]).some(({ subjects = [] }) =>
                subjects.some((subject) => subject.name === "registry-passthrough-reader"),
            ),
        );
        expect(bound).toEqual(["coverage"]);
        for (const { verbs } of roleRules(bound)) expect(["get", "list"]).toEqual(expect.arrayContaining([...verbs]));
        const accounts = objects(files["roles/service-accounts.yaml"]);
        expect(accounts.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
            "Namespace registry-passthrough",
            "ServiceAccount registry-passthrough",
            "ServiceAccount registry-passthrough-reader",
        ]);
    });

    it("an account for coverage exists only with its role", () => {
        expect(renderRoles(["preview", "trust"])["roles/service-accounts.yaml"]).not.toContain("reader");
    });

    it("without a function there is no file", () => expect(renderRoles([])).toEqual({}));
});

test("the role for the proof brings its namespace, which no probe takes for its own, and follows the configured one", () => {
    const objects = (files: Readonly<Record<string, string>>) =>
        parseAllDocuments(files["roles/proof.yaml"] ?? "").map((document) => document.toJS() as ApiObject);
    const [namespace, ...others] = objects(renderRoles(["proof"], "4.18", { proof: "registry-checks" }));
    expect(namespace).toMatchObject({ kind: "Namespace", metadata: { name: "registry-checks" } });
    expect(isOwnProbe(namespace as ApiObject, { namespace: "registry-checks", owner: "project/stack" })).toBe(false);
    const namespaces = others.map(({ metadata }) => metadata.namespace).filter((name) => name !== undefined);
    expect([...new Set(namespaces)]).toEqual(["registry-checks"]);
    expect(JSON.stringify(others)).not.toContain("registry-passthrough-probe");
});

test("the role for a registry brings its namespace, follows the configured one, and has the kinds of all of its objects", () => {
    const [namespace, ...others] = objects(
        renderRoles(["registry"], "4.18", { registry: "mirror" })["roles/registry.yaml"],
    );
    expect(namespace).toMatchObject({
        ...{ kind: "Namespace", metadata: { name: "mirror" } },
    });
    expect(JSON.stringify(others)).not.toMatch(/"namespace":"(?!mirror|registry-passthrough"\})/);
    const common = {
        namespace: "mirror",
        owner: "project/stack",
        image: "image",
        chain: "",
        key: "",
        expose: "route",
    } as const;
    const hosts = { pull: "a", push: "b" };
    const storages = [{ bytes: 1 }, { s3: { endpoint: "https://s3", bucket: "b", region: "r", pathStyle: true } }];
    const granted = roleRules(["registry"]).flatMap(({ resources }) => resources);
    for (const storage of storages) {
        const all = registryObjects({ ...common, hosts, storage, htpasswd: hosts });
        for (const { path, object } of all) {
            expect(granted).toContain(path.resource);
            if (object.kind === "Secret") expect(SECRET_NAMES).toContain(object.metadata.name);
        }
    }
});
