// What the theme leaves out for people who use a keyboard or a screen reader; document$ is the theme's own.
document$.subscribe(() => {
  const search = document.querySelector(".md-search");
  search.setAttribute("aria-label", search.querySelector("input").getAttribute("aria-label"));
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap")) {
    table.tabIndex = 0;
  }
});
