// What the theme leaves out for people who use a keyboard or a screen reader; document$ is the theme's own.
document$.subscribe(() => {
  const search = document.querySelector(".md-search");
  search.setAttribute("aria-label", search.querySelector("input").getAttribute("aria-label"));
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap")) {
    table.tabIndex = 0;
  }
  for (const box of document.querySelectorAll(".task-list-item input")) {
    box.setAttribute("aria-label", box.closest("li").textContent.trim());
  }
});
