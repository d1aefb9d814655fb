"""The original design, with current FastAPI and pydantic."""

from typing import Any, Literal

from fastapi import APIRouter, FastAPI, status
from pydantic import BaseModel, Field


class SmokeTestResponse(BaseModel):
    """Defines the successful response structure for the smoke test endpoint."""

    status: Literal["ok"] = Field(
        ..., examples=["ok"], description="Indicates the status of the smoke test."
    )
    details: str = Field(
        ...,
        examples=["PetSage smoke test feature is operational."],
        description="A descriptive message about the test result.",
    )


def run_smoke_test() -> dict[str, Any]:
    return {"status": "ok", "details": "PetSage smoke test feature is operational."}


router = APIRouter(prefix="/smoke-test", tags=["Health & Status"])


@router.get(
    "/",
    response_model=SmokeTestResponse,
    status_code=status.HTTP_200_OK,
    summary="Perform a system smoke test",
)
async def perform_smoke_test() -> SmokeTestResponse:
    result = run_smoke_test()
    return SmokeTestResponse(**result)


application = FastAPI(
    title="PetSage API",
    description="Intelligent care for your beloved pets.",
    version="1.0.0",
)
application.include_router(router)
