"use strict";
/* Sorts and searches the table of ranked molecules. Without this script the table is complete, in order of rank. */
const table = document.getElementById("ranked");
if (table) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const search = document.getElementById("search");
  const only = document.getElementById("only");
  const shown = document.getElementById("shown");

  const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  function value(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent;
    const number = Number(text);
    return text !== "" && !Number.isNaN(number) ? number : text.toLowerCase();
  }

  /* Numbers before texts, empty cells last in either direction. */
  function compare(a, b, sign) {
    if (a === "" || b === "") return (a === "") - (b === "");
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  }

  function sort(header) {
    const column = header.cellIndex;
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const keyed = rows.map((row) => [value(row, column), row]);
    keyed.sort((one, two) => compare(one[0], two[0], ascending ? 1 : -1));
    body.append(...keyed.map((pair) => pair[1]));
  }

  function filter() {
    const asked = search.value.trim().toLowerCase().split(/\s+/);
    let left = 0;
    for (const row of rows) {
      const text = words.get(row);
      const keep = asked.every((word) => text.includes(word)) && (!only.checked || row.classList.contains("chosen"));
      row.classList.toggle("hidden", !keep);
      left += keep;
    }
    shown.textContent = left === rows.length ? "" : left + " of " + rows.length + " shown";
  }

  for (const header of table.tHead.rows[0].cells) {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sort(header));
  }
  search.addEventListener("input", filter);
  only.addEventListener("change", filter);
  filter();
}
