// A team, a key of it that is rotated every 30 days, and the organisation's spending policy.
import * as groq from "pulumi-groq-sdk";

const team = new groq.GroqTeam("chatbot", {
    allowedModels: ["openai/gpt-oss-120b", "openai/gpt-oss-20b"],
});

const key = new groq.GroqApiKey("chatbot-prod", {
    team: team.teamName,
    allowedModels: ["openai/gpt-oss-20b"],
    requestsPerMinute: 500,
    rotation: { everyDays: 30 },
    metadata: { costCentre: "7" },
});

new groq.GroqSpendPolicy("spend-policy", {
    monthlyCapUsd: 500,
    alertThresholdsUsd: [100, 250, 400],
});

export const keyId = key.keyId;
export const apiKey = key.apiKey;
export const models = groq.getModelsOutput().models.apply((models) => models.length);
