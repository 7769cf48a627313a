/* Self-checks of the exercises: judge a number in the page, as nmm.companion.check does. */
document.addEventListener("DOMContentLoaded", () => {
  const near = (value, other, within) => Math.abs(value - other) <= within * Math.abs(other);
  const judge = (expected, text) => {
    const plain = text.trim().replace("−", "-").replace(/^(-?\d+),(\d+)$/, "$1.$2");
    const [top, bottom = "1", ...more] = plain.split("/");
    const value = Number(top) / Number(bottom);
    if (plain === "" || more.length || !Number.isFinite(value)) {
      return "Please give one number, such as 0.25 or 1/4.";
    }
    if (near(value, expected.value, expected.within)) return "Right.";
    const slip = expected.slips.find(([wrong]) => near(value, wrong, expected.within));
    return "Not yet. " + (slip ? slip[1] : "Look at the hint, then try again.");
  };
  for (const form of document.querySelectorAll("form.self-check")) {
    const expected = JSON.parse(form.dataset.expected);
    const says = form.querySelector("output");
    form.hidden = false;
    form.addEventListener("submit", event => {
      event.preventDefault();
      says.textContent = judge(expected, form.querySelector("input").value);
    });
  }
});
