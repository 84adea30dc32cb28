// What pages can do beyond what they do without it: the reader's zone, the keyboard, news as it comes.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.split("; ").includes("zone=" + zone)) {
    const first = !document.cookie.includes("zone=");
    document.cookie = "zone=" + zone + "; Path=/; SameSite=Lax; Max-Age=31536000";
    const safe = document.querySelector("form[method=post] [autofocus], .said, .problem") === null;
    if (first && safe && document.body.dataset.signedIn === "true") location.reload();
  }

  const rows = Array.from(document.querySelectorAll("#rows > .row"));
  let here = -1;
  const go = (to) => {
    if (rows.length === 0) return;
    if (here >= 0) rows[here].classList.remove("here");
    here = Math.max(0, Math.min(rows.length - 1, to));
    rows[here].classList.add("here");
    rows[here].querySelector(".row-title").focus();
  };
  document.addEventListener("keydown", (event) => {
    const types = event.target.closest("input:not([type=checkbox]), textarea, select");
    if (types || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" || event.key === "d") {
      const field = document.querySelector("[data-key='" + event.key + "']");
      if (!field) return;
      event.preventDefault();
      // Where nothing is ticked, the decision is about where the reader is.
      const ticked = rows.some((row) => row.querySelector("input[type=checkbox]:checked"));
      const box = here >= 0 && !ticked ? rows[here].querySelector("input[type=checkbox]") : null;
      if (box && event.key === "d") box.checked = true;
      field.focus();
    } else if (event.key === "j") go(here + 1);
    else if (event.key === "k") go(here < 0 ? 0 : here - 1);
    else if (event.key === "x" && here >= 0) {
      const box = rows[here].querySelector("input[type=checkbox]");
      if (box) box.checked = !box.checked;
    }
  });
  const all = document.getElementById("tick-all");
  if (all) all.addEventListener("change", () => {
    for (const row of rows) row.querySelector("input[type=checkbox]").checked = all.checked;
  });

  // Fields that may be searched by are completed where the last word stands.
  const search = document.getElementById("q");
  const fields = document.getElementById("fields");
  if (search && fields) {
    const names = Array.from(fields.options, (option) => option.value);
    search.addEventListener("input", () => {
      const at = search.value.lastIndexOf(" ") + 1;
      const before = search.value.slice(0, at);
      for (let i = 0; i < names.length; i++) fields.options[i].value = before + names[i];
    });
  }

  const news = document.getElementById("news");
  const badge = document.getElementById("new-alerts");
  if (news && badge && document.body.dataset.signedIn === "true") {
    let seen = null;
    const source = new EventSource("/live");
    source.addEventListener("news", (event) => {
      const said = JSON.parse(event.data);
      badge.textContent = said.new;
      badge.hidden = said.new === 0;
      if (seen !== null && said.newest > seen) {
        news.textContent = news.dataset.text + " ";
        const link = document.createElement("a");
        link.href = "/alerts";
        link.textContent = news.dataset.link;
        news.append(link);
        news.hidden = false;
      }
      seen = said.newest;
    });
    addEventListener("pagehide", () => source.close());
  }
})();
