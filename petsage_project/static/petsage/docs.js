// What Swagger UI lacks: the dark look by preference, an unbroken order of headings, names.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

const MISSING = {
  h3: { "aria-level": "2" },
  h4: { "aria-level": "3" },
  h5: { "aria-level": "4" },
  ".information-container": { role: "region", "aria-label": "About" },
  ".examples-select-element": { "aria-label": "Example" },
};

function mend() {
  for (const [selector, attributes] of Object.entries(MISSING)) {
    for (const element of document.querySelectorAll(`#swagger-ui ${selector}`)) {
      for (const attribute of Object.entries(attributes)) element.setAttribute(...attribute);
    }
  }
}

const whole = { childList: true, subtree: true };
new MutationObserver(mend).observe(document.getElementById("swagger-ui"), whole);
