import type { QuayApi } from "../../../lib/registries/quay/quay-api";
import { listRepositories } from "../../../lib/registries/quay/repository-list";

/** A Quay whose list has this many pages of one repository each. */
function quayWith(pages: number): { readonly api: QuayApi; readonly asked: string[] } {
    const asked: string[] = [];
    const context = { registry: "quay.example", method: "GET", operation: "GET /api/v1/repository" };
    const respond = (path: string) => {
        asked.push(path);
        const repositories = [{ name: `r${asked.length}`, is_public: false }];
        const next = asked.length < pages ? { next_page: `page/${asked.length + 1}` } : {};
        return { status: 200, text: JSON.stringify({ repositories, ...next }), headers: {}, context };
    };
    const get = (path: string) => Promise.resolve(respond(path));
    const read = (path: string) => Promise.resolve(JSON.parse(respond(path).text) as unknown);
    return { api: { get, read } as unknown as QuayApi, asked };
}

test("a list of several pages is read to its end", async () => {
    const { api, asked } = quayWith(3);
    expect((await listRepositories(api, "mirror")).map(({ name }) => name)).toEqual(["r1", "r2", "r3"]);
    expect(asked.at(-1)).toBe("/api/v1/repository?namespace=mirror&next_page=page%2F3");
});

test("a list with ever new names has an end all the same", async () => {
    const { api, asked } = quayWith(20_000);
    await expect(listRepositories(api, "mirror")).rejects.toThrow("the pages of this list have no end");
    expect(asked).toHaveLength(10_000);
});
