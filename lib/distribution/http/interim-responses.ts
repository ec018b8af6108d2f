import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { InterimResponseFilter } from "./interim-filter";

/*
 * A server may send any number of interim responses (1xx) before the response, whether the request asked for them or not
 * (RFC 9110 §15.2). nginx and some load balancers send `100 Continue` to every request with a body. undici ends the
 * connection when it reads one, so they are removed before it reads them.
 */

const filters = new WeakMap<object, InterimResponseFilter>();

// undici publishes it right before it writes a request: on a connection without pipelining, the one before is answered.
subscribe("undici:client:sendHeaders", (message) => {
    filters.get((message as { readonly socket: object }).socket)?.expectResponse();
});

/** Hides interim responses from undici, which reads a connection with `read()`. */
export function hideInterimResponses(socket: Socket): void {
    const filter = new InterimResponseFilter();
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
    filters.set(socket, filter);
    socket.read = (size?: number): Buffer | null => {
        for (;;) {
            const chunk = read(size);
            if (chunk === null) return null;
            const bytes = filter.filter(chunk);
            if (bytes.length > 0) return bytes;
        }
    };
}
