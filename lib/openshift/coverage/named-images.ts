/** An image that an object makes a node, a build or a controller pull. */
export interface NamedImage {
    /** As it is written there. */
    readonly image: string;
    /** `Deployment shop/web, container app`. */
    readonly owner: string;
    /** An ImageStream of the samples operator names it: nothing pulls it until somebody builds or deploys with it. */
    readonly isSample?: true;
}

/** A Kubernetes object, or a list of them, as it was parsed. */
type Fields = Readonly<Record<string, unknown>>;

const CONTAINER_LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;

/** Images that stand at one place of one kind: kind -> path. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
    CatalogSource: ["spec", "image"],
    ClusterCatalog: ["spec", "source", "image", "ref"],
    ClusterVersion: ["spec", "desiredUpdate", "image"],
    HostedCluster: ["spec", "release", "image"],
    NodePool: ["spec", "release", "image"],
    UpdateService: ["spec", "graphDataImage"],
};

/**
 * Every image that a Kubernetes object makes something pull, in the order of the object: containers of pods and of every
 * pod template, wherever it stands (also that of a CRD that the program does not know), image volumes, `RELATED_IMAGE_*`
 * of operators, `from: {kind: DockerImage}` of ImageStreams and builds, images of bundles (`relatedImages`), catalogs,
 * releases. Lists are read item by item.
 * @param ownerName who is named as the owner; default: the object itself
 */
export function namedImages(object: unknown, ownerName?: string): NamedImage[] {
    if (!isFields(object)) return [];
    if (Array.isArray(object["items"])) return object["items"].flatMap((item) => namedImages(item));
    const owner = ownerName ?? objectName(object);
    const placed = imageAt(object, PLACES[textOf(object["kind"])] ?? []);
    const found = [...(placed === undefined ? [] : [{ image: placed, detail: "" }]), ...walk(object)];
    return found
        .filter(({ image }) => image.trim() !== "")
        .map(({ image, detail }) => ({ image, owner: detail === "" ? owner : `${owner}, ${detail}` }));
}

interface Found {
    readonly image: string;
    readonly detail: string;
}

function walk(value: unknown): Found[] {
    if (Array.isArray(value)) return value.flatMap(walk);
    if (!isFields(value)) return [];
    const here = [
        ...CONTAINER_LISTS.flatMap((list) => listOf(value[list]).flatMap((container) => containerImages(container))),
        ...listOf(value["volumes"]).flatMap(volumeImage),
        ...listOf(value["relatedImages"]).flatMap((related) => textAt(related, "image", "related image")),
        ...dockerImage(value["from"]),
    ];
    return [...here, ...Object.values(value).flatMap(walk)];
}

function containerImages(container: Fields): Found[] {
    const name = `container ${textOf(container["name"])}`;
    const related = listOf(container["env"]).filter((variable) =>
        textOf(variable["name"]).startsWith("RELATED_IMAGE_"),
    );
    return [
        ...textAt(container, "image", name),
        ...related.flatMap((variable) => textAt(variable, "value", `${textOf(variable["name"])} of ${name}`)),
    ];
}

function volumeImage(volume: Fields): Found[] {
    const image = volume["image"];
    return isFields(image) ? textAt(image, "reference", `image volume ${textOf(volume["name"])}`) : [];
}

function dockerImage(from: unknown): Found[] {
    return isFields(from) && from["kind"] === "DockerImage" ? textAt(from, "name", "from DockerImage") : [];
}

function textAt(fields: Fields, key: string, detail: string): Found[] {
    const image = fields[key];
    if (typeof image === "string") return [{ image, detail }];
    // `image: {{ .Values.image }}` of a template is YAML, a mapping: it must not look like a container without an image.
    return isFields(image) ? [{ image: JSON.stringify(image), detail }] : [];
}

function imageAt(object: Fields, path: readonly string[]): string | undefined {
    const value = path.reduce<unknown>((at, key) => (isFields(at) ? at[key] : undefined), object);
    return typeof value === "string" ? value : undefined;
}

function objectName({ kind, metadata }: Fields): string {
    const { name, namespace } = isFields(metadata) ? metadata : {};
    const full = namespace === undefined ? textOf(name) : `${textOf(namespace)}/${textOf(name)}`;
    return `${textOf(kind)} ${full}`.trim();
}

function listOf(value: unknown): Fields[] {
    return Array.isArray(value) ? value.filter(isFields) : [];
}

function textOf(value: unknown): string {
    return typeof value === "string" ? value : "";
}

function isFields(value: unknown): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
