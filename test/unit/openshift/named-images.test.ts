import { namedImages } from "../../../lib/openshift";

const metadata = { name: "web", namespace: "shop" };
const pod = {
    initContainers: [{ name: "setup", image: "quay.io/team/setup:1" }],
    containers: [
        {
            name: "app",
            image: "quay.io/team/app:1",
            env: [
                { name: "RELATED_IMAGE_PROXY", value: "quay.io/team/proxy:1" },
                { name: "OTHER", value: "quay.io/team/no:1" },
                { name: "RELATED_IMAGE_FROM_ELSEWHERE", valueFrom: {} },
            ],
        },
    ],
    ephemeralContainers: [{ name: "debug", image: "quay.io/team/debug:1" }],
    volumes: [
        { name: "model", image: { reference: "quay.io/team/model:1" } },
        { name: "data", emptyDir: {} },
    ],
};
const IMAGES = [
    ["quay.io/team/setup:1", "container setup"],
    ["quay.io/team/app:1", "container app"],
    ["quay.io/team/proxy:1", "RELATED_IMAGE_PROXY of container app"],
    ["quay.io/team/debug:1", "container debug"],
    ["quay.io/team/model:1", "image volume model"],
];
const named = (owner: string) => IMAGES.map(([image, detail]) => ({ image, owner: `${owner}, ${detail ?? ""}` }));

it.each([
    ["Pod", { spec: pod }],
    ["Deployment", { spec: { template: { spec: pod } } }],
    ["CronJob", { spec: { jobTemplate: { spec: { template: { spec: pod } } } } }],
    ["SomethingOfAnOperator", { spec: { nodes: [{ podTemplate: { spec: pod } }] } }],
])("%s: containers, related images and image volumes", (kind, fields) => {
    expect(namedImages({ apiVersion: "v1", kind, metadata, ...fields })).toEqual(named(`${kind} shop/web`));
});

it("lists are read item by item", () => {
    const list = { apiVersion: "v1", kind: "List", items: [{ kind: "Pod", metadata, spec: pod }] };
    expect(namedImages(list)).toEqual(named("Pod shop/web"));
});

it.each([
    ["CatalogSource", { spec: { image: "quay.io/team/index:v1" } }, ""],
    ["ClusterCatalog", { spec: { source: { image: { ref: "quay.io/team/index:v1" } } } }, ""],
    ["ClusterVersion", { spec: { desiredUpdate: { image: "quay.io/team/index:v1" } } }, ""],
    ["HostedCluster", { spec: { release: { image: "quay.io/team/index:v1" } } }, ""],
    ["NodePool", { spec: { release: { image: "quay.io/team/index:v1" } } }, ""],
    ["UpdateService", { spec: { graphDataImage: "quay.io/team/index:v1" } }, ""],
    [
        "ImageStream",
        { spec: { tags: [{ from: { kind: "DockerImage", name: "quay.io/team/index:v1" } }] } },
        ", from DockerImage",
    ],
    [
        "BuildConfig",
        { spec: { strategy: { dockerStrategy: { from: { kind: "DockerImage", name: "quay.io/team/index:v1" } } } } },
        ", from DockerImage",
    ],
    [
        "ClusterServiceVersion",
        { spec: { relatedImages: [{ name: "index", image: "quay.io/team/index:v1" }] } },
        ", related image",
    ],
])("%s: its own place", (kind, fields, detail) => {
    expect(namedImages({ apiVersion: "v1", kind, metadata: { name: "web" }, ...fields })).toEqual([
        { image: "quay.io/team/index:v1", owner: `${kind} web${detail}` },
    ]);
});

it("a template in place of an image is no image reference, and not left out", () => {
    const spec = { containers: [{ name: "app", image: { "{ .Values.image }": null } }] };
    expect(namedImages({ kind: "Pod", metadata: { name: "web" }, spec })).toEqual([
        { image: '{"{ .Values.image }":null}', owner: "Pod web, container app" },
    ]);
});

it("an empty image, a reference to an ImageStream, and what has other types are no images", () => {
    const spec = {
        containers: [{ name: "triggered", image: " " }, { name: "none" }, { name: "wrong", image: 5 }, "text"],
        volumes: [{ name: "wrong", image: "text" }],
        from: { kind: "ImageStreamTag", name: "app:1" },
    };
    expect(namedImages({ kind: "Pod", metadata: "wrong", spec })).toEqual([]);
    expect([null, "text", 5, []].flatMap((object) => namedImages(object))).toEqual([]);
});
