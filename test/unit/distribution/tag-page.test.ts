import { readTagPage } from "../../../lib/distribution/client/tag-page";
import type { HttpResponse } from "../../../lib/distribution/http/transport";
import { withCpuTime } from "../../support/cpu-time";

test("a list of tags without end is left, in bounded memory", async () => {
    let came = 0;
    async function* bytes() {
        for (; came < 1024; came++) yield Buffer.alloc(1024 * 1024, "[");
    }
    const context = { registry: "registry.example:8443", operation: "GET a/b/tags/list" };
    const response = { context, status: 200, headers: {}, bytes } as unknown as HttpResponse;
    await expect(readTagPage(response)).rejects.toMatchObject({ code: "UNEXPECTED_RESPONSE" });
    expect(came).toBe(64);
});

function page(link: string): HttpResponse {
    async function* bytes() {
        yield Buffer.from('{"tags":["1"]}');
    }
    const context = { registry: "registry.example:8443", operation: "GET a/b/tags/list" };
    return { context, status: 200, headers: { link }, bytes } as unknown as HttpResponse;
}

test.each([
    ["a path", '</v2/a/b/tags/list?last=2&n=2>; rel="next"', "tags/list?last=2&n=2"],
    [
        "a URL, after another link",
        '<https://x/?a>; rel="up", <https://x/y?last=a,b>; x=y; rel=next',
        "tags/list?last=a,b",
    ],
    ["no query", '</v2/a/b/tags/list>; rel="next"', undefined],
    ["another relation", '</x?a>; rel="last"', undefined],
    ["a relation of the next link", '</x?a>, </y>; rel="next"', undefined],
    ["brackets that open", "<".repeat(250_000), undefined],
    ["links without a relation", "<?>;".repeat(60_000), undefined],
    ["blanks", `<a?b>;${" ".repeat(250_000)}`, undefined],
])("the next page of a Link header with %s is read, in no time", async (_, link, next) => {
    const { result, milliseconds } = await withCpuTime(() => readTagPage(page(link)));
    expect(result.next).toBe(next);
    expect(milliseconds).toBeLessThan(2000);
});
