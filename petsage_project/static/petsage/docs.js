// Adds features missing in Swagger UI: the preferred color scheme, heading order, names.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const applyScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", applyScheme);
applyScheme();

const MISSING = {
  h3: { "aria-level": "2" },
  h4: { "aria-level": "3" },
  h5: { "aria-level": "4" },
  ".information-container": { role: "region", "aria-label": "About" },
  ".examples-select-element": { "aria-label": "Example" },
};

function addMissing() {
  for (const [selector, attributes] of Object.entries(MISSING)) {
    for (const element of document.querySelectorAll(`#swagger-ui ${selector}`)) {
      for (const attribute of Object.entries(attributes)) element.setAttribute(...attribute);
    }
  }
}

const observed = { childList: true, subtree: true };
new MutationObserver(addMissing).observe(document.getElementById("swagger-ui"), observed);
