// Groq access as code: teams' API keys, limits, budgets and the spending policy.
package groq
