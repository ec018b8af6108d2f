import { basicAuthorization } from "../../../lib/http/credentials";
import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { ContractImages } from "../../support/contract-images";
import { type Answer, type QuayTarget, quayTarget } from "../../support/quay/target";

// What Quay 3.12.18 and 3.18.0 list of a repository, and what they delete: what a stand-in must do, too.
const ORG = "passthrough-tags";
const org = `/api/v1/organization/${ORG}`;
const repositories = `/api/v1/repository/${ORG}`;
const OCI = { manifest: MEDIA_TYPE_OCI_MANIFEST, index: MEDIA_TYPE_OCI_INDEX };
const NO_TOKEN = { token: "" };
const NAME = `${ORG}/quay.io/org/app`;
let quay: QuayTarget;

beforeAll(async () => {
    quay = await quayTarget();
    await quay.ask("DELETE", org);
    is(await quay.ask("POST", "/api/v1/organization/", { name: ORG }), 201);
    const repository = { namespace: ORG, repository: "quay.io/org/app", visibility: "private", description: "" };
    is(await quay.ask("POST", "/api/v1/repository", repository), 201);
    is(await quay.ask("PUT", `${org}/robots/importer`, {}), 201);
    const right = `${repositories}/quay.io/org/app/permissions/user/${ORG}+importer`;
    is(await quay.ask("PUT", right, { role: "write" }), 200);
});

afterAll(async () => {
    await quay.ask("DELETE", org);
    await quay.stop();
});

function is(answer: Answer, status: number, ...texts: string[]): void {
    for (const text of texts) expect(answer.text).toContain(text);
    expect(answer.status).toBe(status);
}

/** What the token service answers the robot account. */
async function authorize(...scopes: string[]): Promise<Answer> {
    const { token: secret } = (await quay.ask("GET", `${org}/robots/importer`)).json as { token: string };
    const headers = { authorization: basicAuthorization({ username: `${ORG}+importer`, password: secret }) };
    const query = [`service=${new URL(quay.url).host}`, ...scopes.map((scope) => `scope=${scope}`)].join("&");
    return quay.ask("GET", `/v2/auth?${query}`, undefined, { token: "", headers });
}

/** A token with which the robot account may pull and push. */
async function pushing(): Promise<string> {
    const { json } = await authorize(`repository:${NAME}:pull,push`);
    return (json as { token: string }).token;
}

test("the list of repositories has no scope: a token for nothing lists what its account may read", async () => {
    is(await authorize("registry:catalog:*"), 400, "INVALID_REQUEST", "Unable to decode repository and actions");
    const { token } = (await authorize()).json as { token: string };
    const { json } = await quay.ask("GET", "/v2/_catalog?n=1000", undefined, { token });
    expect(json).toMatchObject({ repositories: [NAME] });
});

test("a blob that comes with the POST of its upload is stored, if it has the digest that was said", async () => {
    const token = await pushing();
    const bytes = JSON.stringify({ sent: "with its POST" });
    const digest = computeDigest(bytes);
    const post = (body: string) => quay.ask("POST", `/v2/${NAME}/blobs/uploads/?digest=${digest}`, body, { token });
    is(await post("other bytes"), 400, "BLOB_UPLOAD_INVALID");
    is(await quay.ask("HEAD", `/v2/${NAME}/blobs/${digest}`, undefined, { token }), 404);
    is(await post(bytes), 201);
    is(await quay.ask("HEAD", `/v2/${NAME}/blobs/${digest}`, undefined, { token }), 200);
});

test("requests: JSON whatever the client accepts; a body that must be there has a type of JSON", async () => {
    for (const accept of ["text/html", "text/plain", ""]) {
        const read = await quay.ask("GET", org, undefined, { headers: { accept } });
        is(read, 200);
        expect(read.type).toBe("application/json");
    }
    const team = (type: string) =>
        quay.ask("PUT", `${org}/team/typed`, { role: "none" }, { headers: { "content-type": type } });
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) is(await team(type), 415, "Content-Type");
    for (const type of ["application/json; charset=utf-8", "application/merge-patch+json"]) {
        is(await team(type), 400, "is not one of");
    }
    // Its fields may all be missing, so the body is not read.
    is(await quay.ask("PUT", `${org}/robots/typed`, {}, { headers: { "content-type": "text/plain" } }), 201);
    is(await quay.ask("DELETE", `${org}/robots/typed`), 204);
});

test("tags: pages of at most a hundred, with digests; what a tag or an index holds stays, the rest goes with its tag", async () => {
    const name = NAME;
    const token = await pushing();
    const asking = (headers: Readonly<Record<string, string>> = {}) => ({ token, headers });
    const images = new ContractImages(
        (method, path, body, headers) => quay.ask(method, path, body, asking(headers)),
        quay.url,
    );
    const children = [await images.image(name, undefined, "amd64"), await images.image(name, "arm64", "arm64")];
    const index = await images.index(name, "idx", children);
    const single = await images.image(name, "1", "single");
    const list = async (query: string) => {
        const page = await quay.ask("GET", `${repositories}/quay.io/org/app/tag/?onlyActiveTags=true&${query}`);
        is(page, 200);
        const { tags, ...about } = page.json as { tags: { name: string; manifest_digest: string }[] };
        return { ...about, tags: Object.fromEntries(tags.map((tag) => [tag.name, tag])) };
    };
    const first = await list("limit=100&page=1");
    expect(first).toMatchObject({
        ...{ page: 1, has_additional: false },
        tags: {
            1: { manifest_digest: single.digest, is_manifest_list: false },
            idx: { manifest_digest: index.digest, is_manifest_list: true },
            arm64: { manifest_digest: children[1]?.digest, is_manifest_list: false },
        },
    });
    // Since 3.18.
    const { child_manifests_presence: presence } = first.tags.idx as { child_manifests_presence?: object };
    if (presence !== undefined) {
        expect(presence).toEqual(Object.fromEntries(children.map(({ digest }) => [digest, true])));
    }
    const pages = [await list("limit=2&page=1"), await list("limit=2&page=2"), await list("limit=2&page=3")];
    expect(pages.map((page) => [Object.keys(page.tags).length, page])).toMatchObject([
        [2, { has_additional: true }],
        [1, { has_additional: false }],
        [0, { has_additional: false }],
    ]);
    is(await quay.ask("GET", `${repositories}/quay.io/org/app/tag/?page=x`), 400);
    is(await quay.ask("GET", `${repositories}/none/tag/`), 404, "not_found");
    is(await quay.ask("GET", "/api/v1/repository/passthrough-unknown/none/tag/"), 403, "insufficient_scope");
    is(await quay.ask("GET", `${repositories}/quay.io/org/app/tag/`, undefined, NO_TOKEN), 401);

    const read = (reference: string, accept: string) =>
        quay.ask("GET", `/v2/${name}/manifests/${reference}`, undefined, asking({ accept }));
    const remove = (digest = "") => quay.ask("DELETE", `/v2/${name}/manifests/${digest}`, undefined, asking());
    expect((await read("1", OCI.manifest)).headers["docker-content-digest"]).toBe(single.digest);
    const another = await read("1", "application/json");
    is(another, 200);
    expect(another.headers["docker-content-digest"]).not.toBe(single.digest);
    is(await read(single.digest, "text/html"), 200);
    is(await quay.ask("PUT", `/v2/${name}/manifests/typed`, "{}", asking({ "content-type": "text/plain" })), 415);
    // A child without a tag is nothing that could be deleted; one with a tag loses the tag only.
    is(await remove(children[0]?.digest), 404, "MANIFEST_UNKNOWN");
    is(await remove(children[1]?.digest), 202);
    is(await read("arm64", OCI.manifest), 404, "TAG_EXPIRED");
    for (const { digest } of children) is(await read(digest, OCI.manifest), 200);
    is(await remove(index.digest), 202);
    is(await read(index.digest, OCI.index), 404, "MANIFEST_UNKNOWN");
    is(await read(children[1]?.digest ?? "", OCI.manifest), 404, "MANIFEST_UNKNOWN");
    const tag = `${repositories}/quay.io/org/app/tag/1`;
    is(await quay.ask("DELETE", tag), 204);
    is(await quay.ask("DELETE", tag), 404, "not_found");
    is(await read("1", OCI.manifest), 404, "TAG_EXPIRED");
    is(await read(single.digest, OCI.manifest), 404, "MANIFEST_UNKNOWN");
    expect((await list("limit=100")).tags).toEqual({});
});

test("every route of the stand-in about tags that is marked as seen on a real server is asked here", () => {
    expect(quay.unasked().filter((route) => route.includes("/tag/"))).toEqual([]);
});
