import { readTagPage } from "../../../lib/distribution/client/tag-page";
import type { HttpResponse } from "../../../lib/distribution/http/transport";

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
