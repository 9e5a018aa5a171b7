// Two helpers for parts of the page.

/**
 * Find a part that index.html has, or fail.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function part(root, selector) {
	const found = root.querySelector(selector);
	if (!found) throw new Error(`the page has no ${selector}`);
	return /** @type {HTMLElement} */ (found);
}

/**
 * Set a text, unless it is there already.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}
