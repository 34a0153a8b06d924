"use strict";
const table = document.querySelector("table"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
const rows = [...body.rows], collator = new Intl.Collator(undefined, {numeric: true});
const key = (row, column) => { const cell = row.cells[column]; return cell.dataset.s ?? cell.textContent; };
// Unknown stays at the end in either direction.
const compare = (a, b, numeric, sign) =>
  a === "" || b === "" ? (a === "") - (b === "") : sign * (numeric ? a - b : collator.compare(a, b));
heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1, numeric = head.classList.contains("n");
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keyed = rows.map(row => [key(row, column), row]);
  keyed.sort((a, b) => compare(a[0], b[0], numeric, sign));
  for (const [, row] of keyed) body.append(row);
}));
const filter = document.getElementById("filter"), shown = document.getElementById("shown");
const apply = () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const text = (row.text ??= [...row.cells].map(cell => cell.textContent).join(" ").toLowerCase());
    row.hidden = !words.every(word => text.includes(word));
    count += !row.hidden;
  }
  shown.textContent = words.length ? `${count} of ${rows.length} shown` : "";
};
filter.addEventListener("input", apply);
document.querySelector(".bar").hidden = false;
apply();
