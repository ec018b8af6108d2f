import { isLoopback } from "../../../lib/http/loopback";

test.each([
    ["localhost", true],
    ["LOCALHOST:5000", true],
    ["LocalHost", true],
    ["127.0.0.1:80", true],
    ["127.9.8.7", true],
    ["127.1", true],
    ["127.0.0.01", true],
    ["0x7f000001", true],
    ["[::1]:5000", true],
    ["[0:0:0:0:0:0:0:1]", true],
    ["localhost.", false],
    ["localhost.example.com", false],
    ["127.0.0.1.example.com", false],
    ["127.0.0.256", false],
    ["127.999.0.1:5000", false],
    ["0.0.0.0", false],
    ["128.0.0.1", false],
    ["localhost@registry.example", false],
    ["[::2]", false],
    ["", false],
])("%s is loopback, as a connection reads it: %s", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
});
