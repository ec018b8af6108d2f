import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandSite } from "../support/command-site";

jest.setTimeout(180_000);

let site: CommandSite;
const write = (path: string, text: string): void => {
    mkdirSync(join(site.folder, path, ".."), { recursive: true });
    writeFileSync(join(site.folder, path), text);
};
const pod = (name: string, ...images: string[]): string =>
    JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name },
        spec: { containers: images.map((image) => ({ name: "app", image })) },
    });

beforeAll(async () => {
    site = await CommandSite.create("with-mapping");
    expect(await site.run("import")).toMatchObject({ code: 0 });
});

afterAll(() => site.remove());

test("images at the mirror are covered, by tag and by digest; those of the cluster's own registry do not count", async () => {
    write("covered/web.yaml", `${pod("web", "nginx:1.27", "docker.io/library/nginx:1.27")}\n---\nnot: an object\n`);
    write("covered/.hidden/bad.yaml", "{");
    write("covered/notes.txt", "{");
    write("covered/more/own.json", pod("own", "image-registry.openshift-image-registry.svc:5000/shop/app:1"));
    const run = await site.run("coverage", "covered");
    expect(run).toMatchObject({ code: 0 });
    expect(run.out).toBe(
        "2 of 2 images in 2 objects can be pulled from the mirror; 1 image of the cluster's own registry\n",
    );
});

test("what is missing is listed with its owners, and with what to add to the image set", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    write("missing/a.yaml", pod("a", "docker.io/library/nginx:2", `docker.io/library/nginx:1.27@${digest}`));
    write(
        "missing/b.yaml",
        pod("b", "docker.io/library/nginx:2", "ghcr.io/team/app:1", "Docker.io/library/nginx:1.27"),
    );
    write("missing/c.yaml", pod("c", "quay.io/Team/app"));
    const run = await site.run("coverage", "missing");
    expect(run).toMatchObject({ code: 1 });
    expect(run.out).toContain(
        "! docker.io/library/nginx:2: the mirror does not have it\n" +
            "    Pod a, container app (missing/a.yaml)\n    Pod b, container app (missing/b.yaml)\n",
    );
    expect(run.out).toContain(
        "! ghcr.io/team/app:1: NOT_REDIRECTED: no mirror rule redirects pulls from ghcr.io by tag",
    );
    expect(run.out).toContain("! Docker.io/library/nginx:1.27: NOT_REDIRECTED: no mirror rule matches a host");
    expect(run.out).toContain("! quay.io/Team/app: REFERENCE_INVALID");
    expect(run.out).toContain(
        "0 of 5 images in 3 objects can be pulled from the mirror\n" +
            "to add to the image set (ImageSetConfiguration of oc-mirror):\nmirror:\n  additionalImages:\n" +
            `    - name: docker.io/library/nginx:2\n    - name: docker.io/library/nginx@${digest}\n    - name: ghcr.io/team/app:1\n`,
    );
    const json = await site.run("coverage", "--json", "missing");
    expect(JSON.parse(json.out)).toMatchObject({
        stack: "dev",
        objects: 3,
        add: ["docker.io/library/nginx:2", `docker.io/library/nginx@${digest}`, "ghcr.io/team/app:1"],
        images: expect.arrayContaining([
            expect.objectContaining({ image: "ghcr.io/team/app:1", state: "missing" }),
        ]) as unknown,
    });
});

test("a file that cannot be read does not hide the others, and fails", async () => {
    write("templates/app.yaml", "{{- if .Values.enabled }}\nkind: Pod\n");
    write("templates/web.yaml", pod("web", "nginx:1.27"));
    write("templates/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n");
    const run = await site.run("coverage", "templates", "absent.yaml");
    expect(run).toMatchObject({ code: 1 });
    expect(run.out).toContain("? KUBERNETES_FILE_INVALID in templates/app.yaml: ");
    expect(run.out).toContain("helm template");
    expect(run.out).toContain("? KUBERNETES_FILE_INVALID in absent.yaml: ");
    expect(run.out).toContain("1 of 1 image in 2 objects can be pulled from the mirror\n");
    expect(run.error).toContain("kustomize build templates | passthrough coverage -");
});

test("no object at all is an error: the command before the pipe may have failed", async () => {
    mkdirSync(join(site.folder, "nothing"), { recursive: true });
    const run = await site.run("coverage", "nothing");
    expect(run).toMatchObject({ code: 78, out: "" });
    expect(run.error).toContain("KUBERNETES_FILE_INVALID: nothing: there is no Kubernetes object in it");
});

test("a registry that does not say whether it has an image leaves it unknown", async () => {
    write("unknown/web.yaml", pod("web", "nginx:1.27"));
    await site.registry.kill();
    const run = await site.run("coverage", "unknown");
    await site.registry.restart();
    expect(run).toMatchObject({ code: 75, out: "" });
    expect(run.error).toContain("NETWORK");
});

test("without files and without a cluster, the usage is printed", async () => {
    const run = await site.run("coverage");
    expect(run).toMatchObject({ code: 2, out: "" });
    expect(run.error).toContain("give files, or option '--kubeconfig'");
    expect((await site.run("coverage", "--context", "lab", "x.yaml")).error).toContain("'--context' needs option");
});
