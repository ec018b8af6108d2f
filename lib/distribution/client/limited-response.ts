import type { HttpResponse } from "../http/transport";
import type { Pass } from "../limits/host-limiter";
import { isBusy } from "../limits/retry";
import { responseError } from "./response-errors";

/** The response, whose end is reported to the host's limiter. */
export function limitedResponse(response: HttpResponse, pass: Pass): HttpResponse {
    const end = (text: string) => {
        const error = response.status < 400 ? undefined : responseError(response, text);
        if (isBusy(error)) pass.failed(error);
        else pass.answered(response.status < 300 || response.status === 404);
    };
    const watched = async <T>(taking: Promise<T>, readText: (taken: T) => string): Promise<T> => {
        try {
            const taken = await taking;
            end(readText(taken));
            return taken;
        } catch (error) {
            pass.failed(error);
            throw error;
        }
    };
    async function* read(): AsyncGenerator<Buffer, undefined> {
        try {
            yield* response.bytes();
            end("");
        } catch (error) {
            pass.failed(error);
            throw error;
        } finally {
            // A reader that has seen enough.
            pass.answered();
        }
    }
    const bytes = (): AsyncIterable<Buffer> => ({ [Symbol.asyncIterator]: () => endingReader(read()) });
    return {
        ...response,
        bytes,
        text: () => watched(response.text(), (text) => text),
        discard: () => watched(response.discard(), () => ""),
    };
}

/** A generator that was never asked for anything does not run its `finally`: here a reader that only leaves ends it, too. */
function endingReader(read: AsyncGenerator<Buffer, undefined>): AsyncIterator<Buffer, undefined> {
    let isBegun = false;
    const next = () => {
        isBegun = true;
        return read.next();
    };
    return {
        next,
        return: async () => {
            if (!isBegun) await next().catch(() => undefined);
            return read.return(undefined);
        },
    };
}
