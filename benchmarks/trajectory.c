/* One trajectory without noise, one number at a time. Compiled by benchmarks/c_code.py. */

#include "column.h"

/* Write the states after steps 1 ... n to out (n + 1, 8), whose first row is the initial state. */
void trajectory(const column *given, double h, int64_t n, double *out) {
    const column p = *given;
    four v = {out[0], out[1], out[2], out[3]}, c = {out[4], out[5], out[6], out[7]};
    for (int64_t i = 0; i < n; i++) {
        heun(p, h, 0.0, &v, &c);
        out += 8;
        memcpy(out, &v, sizeof v);
        memcpy(out + 4, &c, sizeof c);
    }
}
