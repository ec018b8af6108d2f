import { readTagPage } from "../../../lib/distribution/client/tag-page";
import type { HttpResponse } from "../../../lib/distribution/http/transport";

test("a list of tags without end is left, in bounded memory", async () => {
    let came = 0;
    async function* bytes() {
        for (; came < 1024; came++) yield Buffer.alloc(1024 * 1024, "[");
    }
    const answer = { status: 200, headers: {}, bytes } as unknown as HttpResponse;
    await expect(readTagPage(answer, "GET a/b/tags/list")).rejects.toMatchObject({ code: "UNEXPECTED_ANSWER" });
    expect(came).toBe(64);
});
