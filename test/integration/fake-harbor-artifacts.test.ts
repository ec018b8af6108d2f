import { MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { ContractImages } from "../support/contract-images";
import { type HarborTarget, harborTarget } from "../support/harbor/target";

/** What Harbor 2.15.2 lists of what is in a project, and what it deletes: what a stand-in must do, too. */
const PROJECT = "passthrough-artifacts";
const OCI = { manifest: MEDIA_TYPE_OCI_MANIFEST };

let harbor: HarborTarget;
let images: ContractImages;
const ask: HarborTarget["ask"] = (...question) => harbor.ask(...question);

/** The path of a repository in the API: encoded twice. */
function path2(name: string): string {
    return encodeURIComponent(encodeURIComponent(`quay.io/org/${name}`));
}

/** Also what an earlier run left at a real Harbor. */
async function removeProject(): Promise<void> {
    for (const name of ["app", "other"]) {
        await ask("DELETE", `/api/v2.0/projects/${PROJECT}/repositories/${path2(name)}`);
    }
    await ask("DELETE", `/api/v2.0/projects/${PROJECT}`);
}

beforeAll(async () => {
    harbor = await harborTarget();
    images = new ContractImages(
        (method, path, body, headers) => ask(method, path, body, undefined, headers),
        `https://${harbor.host}`,
    );
    await removeProject();
    expect(await ask("POST", "/api/v2.0/projects", { project_name: PROJECT })).toMatchObject({ status: 201 });
});

afterAll(async () => {
    await removeProject();
    await harbor.stop();
});

const fault = (code: string, message: unknown) => ({ errors: [{ code, message }] });

test("artifacts: listed by project and by repository, children with base=*, signatures never; a child stays with its index", async () => {
    const project = `/api/v2.0/projects/${PROJECT}`;
    const [app, other] = [`${PROJECT}/quay.io/org/app`, `${PROJECT}/quay.io/org/other`];
    const children = [await images.image(app, undefined, "amd64"), await images.image(app, undefined, "arm64")];
    const index = await images.index(app, "idx", children);
    const single = await images.image(app, "1", "single");
    await images.image(other, "2", "single");
    await images.image(app, undefined, "signature", {
        subject: single,
        artifactType: "application/vnd.passthrough.test",
    });
    const list = async (path: string, query: string) => {
        const { status, json, headers } = await ask("GET", `${project}${path}/artifacts?with_tag=true&sort=id${query}`);
        const artifacts = json as {
            digest: string;
            repository_name: string;
            tags: { name: string }[] | null;
            references: { child_digest: string }[] | null;
        }[];
        expect([status, headers["x-total-count"]]).toEqual([200, String(artifacts.length)]);
        return artifacts
            .map(({ digest, repository_name, tags, references }) => ({
                ...{ digest, repository: repository_name, tags: tags?.map(({ name }) => name) },
                children: references?.map(({ child_digest }) => child_digest),
            }))
            .sort((a, b) => (`${a.repository} ${a.digest}` < `${b.repository} ${b.digest}` ? -1 : 1));
    };
    const expected = [
        { digest: index.digest, repository: app, tags: ["idx"], children: children.map(({ digest }) => digest) },
        { digest: single.digest, repository: app, tags: ["1"] },
        { digest: single.digest, repository: other, tags: ["2"] },
    ].sort((a, b) => (`${a.repository} ${a.digest}` < `${b.repository} ${b.digest}` ? -1 : 1));
    expect(await list("", "")).toEqual(expected);
    const all = (await list("", "&q=base%3D*")).map(({ digest }) => digest);
    expect(all.sort()).toEqual([...children, index, single, single].map(({ digest }) => digest).sort());
    expect((await list(`/repositories/${path2("other")}`, "&q=base%3D*")).map(({ digest }) => digest)).toEqual([
        single.digest,
    ]);
    expect(await list(`/repositories/${path2("none")}`, "")).toEqual([]);
    expect(await ask("GET", `${project}/artifacts?q=base%3Dx`)).toMatchObject({ status: 400 });
    expect(await ask("GET", "/api/v2.0/projects/passthrough-unknown/artifacts")).toMatchObject({ status: 404 });
    expect(await ask("GET", `${project}/artifacts`, undefined, "")).toMatchObject({ status: 401 });
    expect(await ask("GET", `${project}/repositories`)).toMatchObject({
        status: 200,
        json: expect.arrayContaining([expect.objectContaining({ name: other, artifact_count: 1 })]) as unknown,
    });
    const manifest = (reference: string, accept: string) =>
        ask("GET", `/v2/${app}/manifests/${reference}`, undefined, undefined, { accept });
    expect(await manifest("1", "*/*")).toMatchObject({ status: 404, json: { errors: [{ code: "MANIFEST_UNKNOWN" }] } });
    expect(await manifest("1", OCI.manifest)).toMatchObject({ status: 200, headers: { "content-type": OCI.manifest } });

    const remove = (digest: string) => ask("DELETE", `/v2/${app}/manifests/${digest}`, undefined, undefined, {});
    const [child] = children;
    expect(await remove(child?.digest ?? "")).toMatchObject({
        status: 412,
        json: fault("VIOLATE_FOREIGN_KEY_CONSTRAINT", "the deleting artifact is referenced by others"),
    });
    expect(await remove(index.digest)).toMatchObject({ status: 202 });
    expect(await manifest(child?.digest ?? "", OCI.manifest)).toMatchObject({ status: 404 });
    const tag = `${project}/repositories/${path2("app")}/artifacts/${single.digest}/tags/1`;
    expect(await ask("DELETE", tag)).toMatchObject({ status: 200 });
    expect(await ask("DELETE", tag)).toMatchObject({ status: 404 });
    expect(await manifest("1", OCI.manifest)).toMatchObject({ status: 404 });
    expect(await ask("DELETE", `/api/v2.0/projects/${PROJECT}`)).toMatchObject({ status: 412 });
    expect(await ask("DELETE", `${project}/repositories/${path2("other")}`)).toMatchObject({ status: 200 });
    expect(await ask("DELETE", `${project}/repositories/${path2("other")}`)).toMatchObject({ status: 404 });
});

test("every route of the stand-in about repositories that is marked as seen on a real server is asked here", () => {
    expect(harbor.unasked().filter((route) => /repositories|artifacts/.test(route))).toEqual([]);
});
